//! The way to a group-commit writer: a bounded queue, from which it takes whatever waits, as one batch.

use std::fmt;

use tokio::sync::{mpsc, oneshot};

use crate::error::JournalError;

/// What a batch is made of.
pub(crate) trait Work: Send + 'static {
    /// Bytes that it brings.
    fn bytes(&self) -> usize;
}

/// How much one transaction may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The most pieces of work.
    pub(crate) works: usize,
    /// The most bytes. One piece may be larger, and is then alone.
    pub(crate) bytes: usize,
}

enum Request<W> {
    Work(W),
    /// Finish what is queued, then close.
    Close(oneshot::Sender<()>),
}

/// The end of those who ask.
pub(crate) struct Queue<W> {
    requests: mpsc::Sender<Request<W>>,
}

/// The writer's end.
pub(crate) struct Inbox<W> {
    requests: mpsc::Receiver<Request<W>>,
    closing: Vec<oneshot::Sender<()>>,
    bounds: Bounds,
}

/// A queue in which so many may wait.
pub(crate) fn queue<W: Work>(capacity: usize, bounds: Bounds) -> (Queue<W>, Inbox<W>) {
    let (requests, received) = mpsc::channel(capacity.max(1));
    (Queue { requests }, Inbox { requests: received, closing: Vec::new(), bounds })
}

impl<W: Work> Queue<W> {
    /// How many wait.
    pub(crate) fn queued(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Queues work; never waits for room.
    pub(crate) fn put(&self, operation: &'static str, work: W) -> Result<(), JournalError> {
        self.requests.try_send(Request::Work(work)).map_err(|error| {
            let reason = match error {
                mpsc::error::TrySendError::Full(_) => "too many commands are waiting",
                mpsc::error::TrySendError::Closed(_) => "it is shutting down",
            };
            JournalError::Unavailable { operation, reason: reason.to_owned() }
        })
    }

    /// Returns when the writer has finished what is queued and let go of everything. A second call returns at once or
    /// when the first does.
    pub(crate) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.requests.send(Request::Close(answer)).await.is_ok() {
            // It cannot answer only when the runtime is going away, and then there is nothing left to wait for.
            let _ = closed.await;
        } else {
            self.requests.closed().await;
        }
    }
}

impl<W: Work> Inbox<W> {
    /// The next batch: what was kept from the last one, and what waits. `None` once nobody can ask any more.
    pub(crate) async fn batch(&mut self, kept: Vec<W>) -> Option<Vec<W>> {
        let mut batch = kept;
        while batch.is_empty() {
            let request = self.requests.recv().await?;
            // Lets those who are about to append get into this batch; no longer wait is worth its delay.
            tokio::task::yield_now().await;
            self.take(request, &mut batch);
        }
        let mut bytes: usize = batch.iter().map(Work::bytes).sum();
        while batch.len() < self.bounds.works && bytes < self.bounds.bytes {
            let Ok(request) = self.requests.try_recv() else { break };
            let before = batch.len();
            self.take(request, &mut batch);
            bytes += batch[before..].iter().map(Work::bytes).sum::<usize>();
        }
        Some(batch)
    }

    fn take(&mut self, request: Request<W>, batch: &mut Vec<W>) {
        match request {
            Request::Work(work) => batch.push(work),
            Request::Close(answer) => {
                // What is queued already is still received; nothing more is taken.
                self.requests.close();
                self.closing.push(answer);
            }
        }
    }

    /// Tells those who wait for the end that it has come.
    pub(crate) fn closed(self) {
        for answer in self.closing {
            let _ = answer.send(());
        }
    }
}

// Written out, because a derived one would ask the same of the work.
impl<W> Clone for Queue<W> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone() }
    }
}

impl<W> fmt::Debug for Queue<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requests.fmt(f)
    }
}

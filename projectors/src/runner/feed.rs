//! Reads and decodes ahead of the fold, on a thread of its own.

use std::error::Error as StdError;
use std::sync::Arc;
use std::vec;

use event_log::{EventFeed, JournalError};
use events::{Codec, DecodeError, Event, Position, RecordedEvent};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tracing::Instrument;
use tracing::field::Empty;

use super::StopSignal;
use super::options::{Backoff, RunnerOptions};

/// What an event takes in memory besides its payload, roughly.
const BYTES_PER_EVENT: usize = 1_024;
/// A payload is kept as it was read and decoded.
const BYTES_PER_PAYLOAD_BYTE: usize = 3;

/// An event on its way to the fold.
pub(super) struct Incoming {
    pub(super) event: RecordedEvent,
    pub(super) payload: Result<Event, DecodeError>,
}

/// What the reading thread has to say.
enum Page {
    Events {
        events: Vec<Incoming>,
        head: Position,
        room: OwnedSemaphorePermit,
    },
    /// The feed cannot answer now; it is asked again.
    Stalled(String),
    /// The feed is not what it must be. The last page.
    Halted(String),
}

/// The reading thread's part.
pub(super) struct Follower {
    feed: Arc<dyn EventFeed>,
    after: Position,
    head: Position,
    /// The feed did not answer when it was last asked.
    stalled: bool,
    options: RunnerOptions,
    stop: watch::Receiver<bool>,
    pages: mpsc::Sender<Page>,
    room: Arc<Semaphore>,
}

/// The fold's end of the channel.
pub(super) struct Inbox {
    pages: mpsc::Receiver<Page>,
    page: vec::IntoIter<Incoming>,
    /// Given back as soon as the page is folded: the next one may need all the room there is.
    room: Option<OwnedSemaphorePermit>,
    head: Position,
}

/// What the fold finds in its inbox.
pub(super) enum Next {
    Event(Box<Incoming>),
    /// Nothing yet.
    Empty,
    /// Nothing yet, but the feed answers again.
    Answers,
    Stalled(String),
    Halted(String),
    /// Told to stop.
    Ended,
}

/// Both ends, for events after a position.
pub(super) fn follow(
    feed: Arc<dyn EventFeed>,
    after: Position,
    options: &RunnerOptions,
    stop: StopSignal,
) -> (Follower, Inbox) {
    let (sender, receiver) = mpsc::channel(options.feed_pages_ahead.max(1));
    let room = Arc::new(Semaphore::new(kibibytes(options.feed_bytes_ahead) as usize));
    let follower =
        Follower { feed, after, head: after, stalled: false, options: options.clone(), stop, pages: sender, room };
    (follower, Inbox { pages: receiver, page: Vec::new().into_iter(), room: None, head: after })
}

impl Follower {
    /// Until told to stop, or nobody listens, or the feed is broken.
    pub(super) fn run(mut self, handle: &Handle) {
        let mut backoff = Backoff::new(&self.options);
        loop {
            let (pages, mut stop) = (self.pages.clone(), self.stop.clone());
            let read = handle.block_on(async {
                tokio::select! {
                    biased;
                    () = pages.closed() => None,
                    _ = stop.wait_for(|stop| *stop) => None,
                    read = self.read_when_there_is_room() => Some(read),
                }
            });
            let (page, wait) = match read {
                None => return,
                Some(Ok((events, room))) => {
                    backoff.reset();
                    self.stalled = false;
                    (self.decode(events, room), None)
                }
                Some(Err(
                    error @ (JournalError::Corrupt { .. } | JournalError::Format { .. } | JournalError::InUse { .. }),
                )) => (Page::Halted(words(&error)), None),
                Some(Err(error)) => {
                    self.stalled = true;
                    (Page::Stalled(words(&error)), Some(backoff.next()))
                }
            };
            let last = matches!(page, Page::Halted(_));
            if self.pages.blocking_send(page).is_err() || last {
                return;
            }
            if let Some(wait) = wait {
                handle.block_on(async {
                    tokio::select! {
                        () = pages.closed() => {}
                        _ = stop.wait_for(|stop| *stop) => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                });
            }
        }
    }

    async fn read_when_there_is_room(&mut self) -> Result<(Vec<RecordedEvent>, OwnedSemaphorePermit), JournalError> {
        let events = self.read().await?;
        let bytes = events.iter().map(|event| BYTES_PER_EVENT + BYTES_PER_PAYLOAD_BYTE * event.payload.len()).sum();
        // A page larger than all the room there is waits for all of it.
        let wanted = kibibytes(bytes).min(kibibytes(self.options.feed_bytes_ahead));
        let room = self.room.clone().acquire_many_owned(wanted).await.expect("nobody closes it");
        Ok((events, room))
    }

    async fn read(&mut self) -> Result<Vec<RecordedEvent>, JournalError> {
        loop {
            let after = self.after;
            let span = tracing::debug_span!("feed.read", after = after.0, messaging.batch.message_count = Empty);
            let events = self.feed.read(after, self.options.feed_page).instrument(span.clone()).await?;
            span.record("messaging.batch.message_count", events.len());
            let Some(last) = events.last() else {
                if self.stalled {
                    // Whoever follows would else learn of it with the next event only.
                    return Ok(events);
                }
                self.feed.wait_beyond(self.after).await?;
                continue;
            };
            // A full page may be one of many: how far it is to the head decides how batches are cut.
            if last.position > self.head {
                let full = events.len() >= self.options.feed_page;
                self.head = if full { self.feed.head().await?.max(last.position) } else { last.position };
            }
            return Ok(events);
        }
    }

    fn decode(&mut self, events: Vec<RecordedEvent>, room: OwnedSemaphorePermit) -> Page {
        let codec = Codec::shared();
        let mut decoded = Vec::with_capacity(events.len());
        for event in events {
            if event.position != self.after.next() {
                let reason = format!("the feed has a hole: position {} comes after {}", event.position, self.after);
                return Page::Halted(reason);
            }
            self.after = event.position;
            let payload = codec.decode(&event.header.event_type, event.header.schema_version, &event.payload);
            decoded.push(Incoming { event, payload });
        }
        Page::Events { events: decoded, head: self.head, room }
    }
}

impl Inbox {
    /// The newest position known to be in the feed.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// What is there now.
    pub(super) fn ready(&mut self) -> Next {
        if let Some(incoming) = self.page.next() {
            return Next::Event(Box::new(incoming));
        }
        self.room = None;
        match self.pages.try_recv() {
            Ok(page) => self.open(page),
            Err(mpsc::error::TryRecvError::Empty) => Next::Empty,
            Err(mpsc::error::TryRecvError::Disconnected) => Next::Ended,
        }
    }

    /// Waits until there is something.
    pub(super) fn wait(&mut self) -> Next {
        if let Some(incoming) = self.page.next() {
            return Next::Event(Box::new(incoming));
        }
        self.room = None;
        match self.pages.blocking_recv() {
            Some(page) => self.open(page),
            None => Next::Ended,
        }
    }

    fn open(&mut self, page: Page) -> Next {
        match page {
            Page::Events { events, head, room } => {
                self.page = events.into_iter();
                self.room = Some(room);
                self.head = head;
                self.page.next().map_or(Next::Answers, |incoming| Next::Event(Box::new(incoming)))
            }
            Page::Stalled(reason) => Next::Stalled(reason),
            Page::Halted(reason) => Next::Halted(reason),
        }
    }
}

/// Room is counted in these: a semaphore has no more than 2^29 permits to give on a small machine.
fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes / 1_024 + 1).unwrap_or(u32::MAX >> 3)
}

/// An error with all that caused it.
pub(super) fn words(error: &dyn StdError) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

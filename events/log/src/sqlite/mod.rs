//! The journal in one SQLite file: write-ahead log, one group-commit writer, readers beside it.
//!
//! | module | does |
//! |---|---|
//! | `format`, `create`, `open` | tells what a file is, makes one, locks and connects |
//! | `writer` | takes what is queued, one transaction for all of it |
//! | `batch` | decides a batch in memory, in order |
//! | `statements`, `bulk` | look-ups and inserts over many rows |
//! | `reader`, `rows`, `feed` | reads, each row checked |
//! | `copy` | copies it while it is written, gives a copy an id of its own |

mod batch;
mod bulk;
mod clock;
mod copy;
mod create;
mod failure;
mod feed;
mod format;
mod open;
mod options;
mod reader;
mod rows;
mod statements;
mod writer;

use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use events::{EventHeader, JournalId, Position, RecordedEvent, StreamId, StreamVersion};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;
use tracing::field::Empty;

use self::batch::Prepared;
use self::reader::Reader;
use self::statements::Statements;
use self::writer::{Request, Work, Writer};
use crate::append::{Append, Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::{AppendError, JournalError};
use crate::port::{Journal, KeyRecord, Snapshot};

pub use self::copy::{Adopted, JournalCopy};
pub use self::feed::SqliteEventFeed;
pub use self::options::{SqliteJournalOptions, Synchronous};

/// A journal in one SQLite file. A clone is another handle to the same one.
///
/// # Cancel safety
/// An [`append`](Journal::append) that is dropped before it answers may still be stored: it was queued. Asking
/// again with the same key, or [`find_key`](Journal::find_key), settles it.
#[derive(Debug, Clone)]
pub struct SqliteJournal {
    reader: Reader,
    requests: mpsc::Sender<Request>,
    head: watch::Receiver<Position>,
}

impl SqliteJournal {
    /// Opens the journal at a path, or makes it there. Must be called inside a tokio runtime, where its writer runs
    /// until [`close`](Self::close) or the last handle is gone.
    ///
    /// # Errors
    /// [`JournalError::Format`] when the file is of another format or another set of event schemas; nothing was
    /// touched then. [`JournalError::InUse`] when another process, or another handle of this one, has it open.
    pub async fn open(path: impl AsRef<Path>, options: SqliteJournalOptions) -> Result<Self, JournalError> {
        let opened = open::open(path.as_ref(), &options).await?;
        let (requests, received) = mpsc::channel(options.queue.max(1));
        let (head_sender, head) = watch::channel(opened.head);
        let reader = Reader { id: opened.id, pool: opened.readers.clone() };
        let writer = Writer {
            options,
            requests: received,
            connection: opened.writer,
            readers: opened.readers,
            head: head_sender,
            statements: Statements::new(),
            next_cleaning: Instant::now(),
            stopped: None,
            lock: opened.lock,
        };
        tokio::spawn(writer.run());
        tracing::info!(journal = %reader.id, head = %opened.head, "journal opened");
        Ok(Self { reader, requests, head })
    }

    /// The tail of this journal.
    pub fn feed(&self) -> SqliteEventFeed {
        SqliteEventFeed { reader: self.reader.clone(), head: self.head.clone() }
    }

    /// Appends that wait for the writer.
    pub fn queued(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Takes nothing more, finishes what is queued, moves the log into the main file and lets go of the lock.
    /// For all handles; a second call returns at once or when the first does.
    pub async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.requests.send(Request::Close(answer)).await.is_ok() {
            // It cannot answer only when the runtime is going away, and then there is nothing left to wait for.
            let _ = closed.await;
        } else {
            self.requests.closed().await;
        }
    }

    async fn ask(&self, append: Append) -> Result<Appended, AppendError> {
        append.check()?;
        let (answer, answered) = oneshot::channel();
        self.queue("append", Work::Append(Box::new(prepare(append)), answer))?;
        answered.await.map_err(|_| gone("append"))?
    }

    fn queue(&self, operation: &'static str, work: Work) -> Result<(), JournalError> {
        self.requests.try_send(Request::Work(work)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                JournalError::Unavailable { operation, reason: "too many commands are waiting".to_owned() }
            }
            mpsc::error::TrySendError::Closed(_) => {
                JournalError::Unavailable { operation, reason: "it is shutting down".to_owned() }
            }
        })
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    fn id(&self) -> JournalId {
        self.reader.id
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let started = Instant::now();
        let span = tracing::debug_span!(
            "journal.append",
            db.system.name = "sqlite",
            db.operation.name = "append",
            events = append.events.len(),
            position = Empty
        );
        let answer = self.ask(append).instrument(span.clone()).await;
        metrics::histogram!("lawless_journal_append_seconds").record(started.elapsed().as_secs_f64());
        match &answer {
            Ok(appended) => {
                span.record("position", appended.last.0);
            }
            Err(refused) => {
                metrics::counter!("lawless_journal_refused_total", "kind" => kind(refused)).increment(1);
            }
        }
        answer
    }

    async fn read_stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        self.reader.stream(stream, after, limit).await
    }

    async fn find_key(&self, key: &IdempotencyKey) -> Result<Option<KeyRecord>, JournalError> {
        self.reader.key(key).await
    }

    async fn find_claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError> {
        self.reader.claims(claims).await
    }

    async fn list_claims(
        &self,
        kind: ClaimKind,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, StreamId)>, JournalError> {
        self.reader.claims_of(kind, prefix, after, limit).await
    }

    async fn load_snapshot(&self, stream: StreamId) -> Result<Option<Snapshot>, JournalError> {
        self.reader.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> Result<(), JournalError> {
        let (answer, answered) = oneshot::channel();
        self.queue("save a snapshot", Work::Snapshot(stream, snapshot, answer))?;
        answered.await.map_err(|_| gone("save a snapshot"))?
    }
}

/// Makes the checksums, in the caller's task and not in the writer's: the versions follow from the expected one.
fn prepare(append: Append) -> Prepared {
    let mut version = append.expected_version;
    let checksums = append
        .events
        .iter()
        .map(|event| {
            version = StreamVersion(version.0.saturating_add(1));
            let header = EventHeader {
                event_id: event.event_id,
                stream: append.stream,
                version,
                event_type: event.event_type.to_owned(),
                schema_version: event.schema_version,
                occurred_at: event.occurred_at,
                actor: append.actor.clone(),
                causation: append.causation,
                correlation: append.correlation,
                command_id: append.command_id,
            };
            header.checksum(&event.payload)
        })
        .collect();
    Prepared { append, checksums }
}

fn gone(operation: &'static str) -> JournalError {
    let reason = "the writer ended before it answered; the same key settles what happened".to_owned();
    JournalError::Unavailable { operation, reason }
}

fn kind(refused: &AppendError) -> &'static str {
    match refused {
        AppendError::StaleVersion { .. } => "stale_version",
        AppendError::KeyReused { .. } => "key_reused",
        AppendError::ClaimTaken { .. } => "claim_taken",
        AppendError::PayloadTooLarge { .. } => "payload_too_large",
        AppendError::Malformed(_) => "malformed",
        AppendError::Journal(JournalError::Full { .. }) => "full",
        AppendError::Journal(JournalError::Unavailable { .. }) => "unavailable",
        AppendError::Journal(_) => "failed",
    }
}

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
//! | `records`, `moved` | all rows besides the events; the mark of a journal that goes on elsewhere |

mod batch;
mod bulk;
mod clock;
mod copy;
mod create;
mod failure;
mod feed;
mod format;
mod moved;
mod open;
mod options;
mod reader;
mod records;
mod rows;
mod statements;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent, StreamId, StreamVersion};
use tokio::sync::{oneshot, watch};

use self::reader::Reader;
use self::statements::Statements;
use self::writer::{SqliteWork, Writer};
use crate::append::{Append, Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::{AppendError, JournalError};
use crate::port::{Journal, KeyRecord, Snapshot};
use crate::prepared::{ask, gone};
use crate::queue::{Bounds, Queue, queue};

pub use self::copy::{Adopted, JournalCopy};
pub use self::feed::SqliteEventFeed;
pub use self::moved::Moved;
pub use self::options::{SqliteJournalOptions, Synchronous};

/// A journal in one SQLite file. A clone is another handle to the same one.
///
/// # Cancel safety
/// An [`append`](Journal::append) that is dropped before it answers may still be stored: it was queued. Asking
/// again with the same key, or [`find_key`](Journal::find_key), settles it.
#[derive(Debug, Clone)]
pub struct SqliteJournal {
    reader: Reader,
    queue: Queue<SqliteWork>,
    head: watch::Receiver<Position>,
    moved: Option<Arc<Moved>>,
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
        let bounds = Bounds { works: options.max_batch, bytes: options.max_batch_bytes };
        let (queue, inbox) = queue(options.queue, bounds);
        let (head_sender, head) = watch::channel(opened.head);
        let reader = Reader { id: opened.id, pool: opened.readers.clone() };
        let writer = Writer {
            options,
            inbox,
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
        let moved = opened.moved.map(Arc::new);
        if let Some(moved) = &moved {
            tracing::warn!(reason = %moved.refusal("append"), "the journal is read, and takes nothing more");
        }
        Ok(Self { reader, queue, head, moved })
    }

    /// The tail of this journal.
    pub fn feed(&self) -> SqliteEventFeed {
        SqliteEventFeed { reader: self.reader.clone(), head: self.head.clone() }
    }

    /// Appends that wait for the writer.
    pub fn queued(&self) -> usize {
        self.queue.queued()
    }

    fn ensure_here(&self, operation: &'static str) -> Result<(), JournalError> {
        self.moved.as_ref().map_or(Ok(()), |moved| Err(moved.refusal(operation)))
    }

    /// Takes nothing more, finishes what is queued, moves the log into the main file and lets go of the lock.
    /// For all handles; a second call returns at once or when the first does.
    pub async fn close(&self) {
        self.queue.close().await;
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    fn id(&self) -> JournalId {
        self.reader.id
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        ask("sqlite", append, |prepared, answer| {
            self.ensure_here("append")?;
            self.queue.put("append", SqliteWork::Append(prepared, answer))
        })
        .await
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
        self.ensure_here("save a snapshot")?;
        let (answer, answered) = oneshot::channel();
        self.queue.put("save a snapshot", SqliteWork::Snapshot(stream, snapshot, answer))?;
        answered.await.map_err(|_| gone("save a snapshot"))?
    }
}

//! The journal in PostgreSQL: several processes may write it at once, each with one group-commit writer.
//!
//! | module | does |
//! |---|---|
//! | `migrate`, `open`, `adopt` | makes the tables, checks what is there, connects; a new id |
//! | `writer` | takes what is queued, one call for all of it; sends it again when the connection is lost |
//! | `batch`, `call` | which commands go together; the call of the one procedure, and what it answers |
//! | `lease` | who does what only one process needs to do |
//! | `reader`, `rows`, `feed`, `pool` | reads, each row checked, on connections that are counted |
//! | `records`, `import` | all rows besides the events; filling an empty journal with another one's rows |
//! | `replica` | reads of the past, where nothing is decided on them |
//! | `wake` | notices of new events, from process to process |
//! | `seen` | whether it is still the journal that it was |

mod adopt;
mod batch;
mod call;
mod failure;
mod feed;
mod import;
mod lease;
mod migrate;
mod open;
mod options;
mod pool;
mod reader;
mod records;
mod replica;
mod rows;
mod seen;
mod wake;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent, StreamId, StreamVersion};

use self::reader::Reader;
use self::replica::Replica;
use self::seen::Seen;
use self::wake::Wake;
use self::writer::{Pending, Writer};
use crate::append::{Append, Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::{AppendError, JournalError};
use crate::port::{Journal, KeyRecord, Snapshot, Turn, Watermark};
use crate::prepared::ask;
use crate::queue::{Bounds, Queue, queue};

pub use self::feed::PostgresEventFeed;
pub use self::import::{ImportTarget, PostgresImport};
pub(crate) use self::lease::Lease;
pub use self::migrate::Migrated;
pub use self::options::{LookEvery, PostgresJournalOptions, ReplicaOptions};

/// A journal in a PostgreSQL database. A clone is another handle to the same one.
///
/// # Cancel safety
/// An [`append`](Journal::append) that is dropped before it answers may still be stored: it was queued. Asking
/// again with the same key, or [`find_key`](Journal::find_key), settles it.
#[derive(Debug, Clone)]
pub struct PostgresJournal {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    reader: Reader,
    wake: Wake,
    look_every: LookEvery,
    queue: Queue<Pending>,
    replica: Option<Replica>,
}

impl PostgresJournal {
    /// Opens the journal of a database, `postgres://user:password@host:port/database`. Must be called inside a tokio
    /// runtime, where its writer runs until [`close`](Self::close) or the last handle is gone.
    ///
    /// # Errors
    /// [`JournalError::Format`] when the database has no journal, or its tables are older or newer than this program,
    /// or of other event schemas; nothing was changed then. [`JournalError::Unavailable`] when it cannot be reached.
    pub async fn open(url: &str, options: PostgresJournalOptions) -> Result<Self, JournalError> {
        let opened = open::open(url, &options).await?;
        let bounds = Bounds { works: options.max_batch, bytes: options.max_batch_bytes };
        let (queue, inbox) = queue(options.queue, bounds);
        let reader = Reader { id: opened.id, connections: opened.readers, seen: Seen::new(opened.head) };
        let replica = opened.replica.zip(options.replica.as_ref()).map(|(connections, replica)| {
            let there = Reader { id: opened.id, connections, seen: Seen::new(Position::ZERO) };
            Replica::new(there, reader.clone(), replica.lag_max)
        });
        let wake = Wake::new(opened.connecting.base.clone());
        let look_every = options.look_every;
        let writer = Writer::new(options, inbox, opened.connecting, reader.clone(), wake.teller());
        tokio::spawn(writer.run());
        tracing::info!(journal = %reader.id, head = %opened.head, "journal opened");
        Ok(Self { parts: Arc::new(Parts { reader, wake, look_every, queue, replica }) })
    }

    /// The tail of this journal.
    pub fn feed(&self) -> PostgresEventFeed {
        PostgresEventFeed {
            reader: self.parts.reader.clone(),
            wake: self.parts.wake.clone(),
            look_every: self.parts.look_every,
        }
    }

    /// The right to do something that only one process at a time needs to do.
    pub(crate) fn lease(&self, name: &str, lasts: Duration) -> Lease {
        Lease::new(self.parts.reader.connections.clone(), name, lasts)
    }

    /// The same, for work that is done elsewhere.
    pub fn turn(&self, name: &str, lasts: Duration) -> Arc<dyn Turn> {
        Arc::new(self.lease(name, lasts))
    }

    /// Names the time, and then what the journal had by then. Nothing before the first event.
    pub(crate) async fn watermark(&self) -> Result<Option<Watermark>, JournalError> {
        self.parts.reader.watermark().await
    }

    /// Appends that wait for the writer.
    pub fn queued(&self) -> usize {
        self.parts.queue.queued()
    }

    /// Sets the gauges of what changes without anybody's doing: how many connections there are, and are in use, and how
    /// far the replica is behind.
    pub async fn measure(&self) {
        self.parts.reader.connections.measure();
        if let Some(replica) = &self.parts.replica {
            replica.measure().await;
        }
    }

    /// Takes nothing more, finishes what is queued, and ends all connections. For all handles; a second call returns at
    /// once or when the first does.
    pub async fn close(&self) {
        self.parts.queue.close().await;
        let replica = async {
            if let Some(replica) = &self.parts.replica {
                replica.close().await;
            }
        };
        tokio::join!(self.parts.wake.close(), replica);
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    fn id(&self) -> JournalId {
        self.parts.reader.id
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        ask("postgresql", append, |prepared, answer| self.parts.queue.put("append", Pending { prepared, answer })).await
    }

    async fn read_stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        self.parts.reader.stream(stream, after, limit).await
    }

    async fn read_past(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        if let Some(replica) = &self.parts.replica
            && let Some(events) = replica.stream(stream, after, limit).await
        {
            return Ok(events);
        }
        self.parts.reader.stream(stream, after, limit).await
    }

    async fn find_key(&self, key: &IdempotencyKey) -> Result<Option<KeyRecord>, JournalError> {
        self.parts.reader.key(key).await
    }

    async fn find_claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError> {
        self.parts.reader.claims(claims).await
    }

    async fn list_claims(
        &self,
        kind: ClaimKind,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, StreamId)>, JournalError> {
        self.parts.reader.claims_of(kind, prefix, after, limit).await
    }

    async fn load_snapshot(&self, stream: StreamId) -> Result<Option<Snapshot>, JournalError> {
        self.parts.reader.snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> Result<(), JournalError> {
        self.parts.reader.store_snapshot(stream, &snapshot).await
    }
}

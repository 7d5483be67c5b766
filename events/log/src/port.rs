//! The ports. What every engine behind them must hold is written down as laws in `tests/contracts`.

use async_trait::async_trait;
use events::{EventId, JournalId, Position, RecordedEvent, StreamId, StreamVersion, Timestamp};
use tokio::sync::watch;

use crate::append::{Append, Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::{AppendError, JournalError};

/// Decides what happened, and in which order: conditional appends to streams in one dense order.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Names the order of positions.
    fn id(&self) -> JournalId;

    /// Appends all of a command's events or nothing. Once it returns, the events survive a crash.
    ///
    /// Checked in this order, behind one lock: key (a retry carries a stale version), claims, versions.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Events of a stream after a version, in order, at most `limit` of them.
    async fn read_stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError>;

    /// The same for whoever only shows them: they may come from a replica, which may not have the newest yet. Whoever
    /// knows that there is more asks [`read_stream`](Self::read_stream) for it.
    async fn read_past(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        self.read_stream(stream, after, limit).await
    }

    /// What was accepted under a key.
    async fn find_key(&self, key: &IdempotencyKey) -> Result<Option<KeyRecord>, JournalError>;

    /// Who holds each of these names.
    async fn find_claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError>;

    /// Names of a kind that begin with `prefix` and come after `after`, in byte order, with who holds them; at most
    /// `limit`.
    async fn list_claims(
        &self,
        kind: ClaimKind,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, StreamId)>, JournalError>;

    /// The newest snapshot of a stream.
    async fn load_snapshot(&self, stream: StreamId) -> Result<Option<Snapshot>, JournalError>;

    /// Keeps a snapshot; one at or below the kept version changes nothing. A snapshot is only ever a short cut.
    async fn save_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> Result<(), JournalError>;
}

/// Carries events in the journal's order to whoever follows, each at its own position.
#[async_trait]
pub trait EventFeed: Send + Sync + 'static {
    /// The journal whose positions these are.
    fn journal_id(&self) -> JournalId;

    /// The newest position that can be read.
    async fn head(&self) -> Result<Position, JournalError>;

    /// Events after a position, dense and in order, at most `limit`; empty when there are none yet.
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError>;

    /// Returns once the head is beyond a position. Cancel safe; may return early.
    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError>;

    /// The newest watermark that came along; `None` for a feed that is the journal itself, which is never behind it.
    fn watermarks(&self) -> Option<watch::Receiver<Option<Watermark>>> {
        None
    }
}

/// The right to do what one process at a time does and any number could: it ends by itself, and whoever was paused beyond its
/// end does not know that another one has it. The work must bear two at once.
#[async_trait]
pub trait Turn: Send + Sync + 'static {
    /// Takes it if it is free, and keeps it if it is ours. False: another one has it.
    async fn take(&self) -> Result<bool, JournalError>;

    /// Gives it back, so that another one can take it at once.
    async fn give_back(&self) -> Result<(), JournalError>;
}

/// Travels with the events: whoever has come to `head` has everything that was acknowledged before `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// Read from the journal's clock before the head was.
    pub time: Timestamp,
    /// The head of the journal.
    pub head: Position,
    /// The event there.
    pub event_id: EventId,
}

/// What was accepted under an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRecord {
    /// Hash of the request that was accepted.
    pub payload_hash: [u8; 32],
    /// Where its events are; `replayed` is true.
    pub appended: Appended,
}

/// State of an aggregate at a version, in an encoding that belongs to the command side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the stream that the state is of.
    pub version: StreamVersion,
    /// Names the encoding; a snapshot with an unknown one is passed over.
    pub format: u32,
    /// The state.
    pub state: Vec<u8>,
}

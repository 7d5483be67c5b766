//! What a projection is, and what it needs of a store.

use events::{Event, EventId, JournalId, Position, RecordedEvent};
use thiserror::Error;
use views::{Partition, Row, RowKey};

/// A deterministic fold of events into finished rows.
///
/// `apply` changes state and marks rows; `render` writes the marked rows. Nothing may depend on the clock, on hash
/// order or on how events were batched. Both work on memory over the store: what is pending is read first.
pub trait Projection: Send {
    /// Names the rules of this fold. Other rows for the same log mean another version.
    fn version(&self) -> u32;

    /// Folds one event. `at` is the position at which rows are marked: the event's own, or that of the decision that
    /// released it. A poisonous event leaves no trace.
    fn apply(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        payload: Event,
        at: Position,
    ) -> Result<(), ApplyError>;

    /// All that is pending: changed state, and each marked row rendered once, with the position that last marked it.
    fn render(&mut self, store: &dyn StoreReader) -> Result<Changes, StoreError>;

    /// Roughly the memory that is pending, in bytes; the runner renders when it grows beyond a bound.
    fn pending_bytes(&self) -> usize;
}

/// Why an event could not be folded.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The event cannot be folded by this version of the projection, ever. A matter of its bytes and the version only.
    #[error("{0}")]
    Poisonous(String),
    /// The store failed; the event may be folded later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads what was last committed.
pub trait StoreReader {
    /// A value of the fold's own state.
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// A row.
    fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError>;

    /// The first row of a partition whose clustering part is at or after `from`, with that part.
    fn row_at_or_after(&self, partition: Partition, from: &[u8]) -> Result<Option<(Vec<u8>, Row)>, StoreError>;
}

/// Holds fold state, rows and position of one generation of a group.
pub trait ProjectionStore: StoreReader + Send + Sync {
    /// How far it has come; `None` if it is empty.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError>;

    /// Writes changes and checkpoint in one atomic, durable batch. After an error nothing of it is there.
    fn commit(&self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), StoreError>;
}

/// How far a generation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The journal whose positions these are.
    pub journal_id: JournalId,
    /// Version of the projection: it names the generation.
    pub projection_version: u32,
    /// The last event that was folded or parked.
    pub position: Position,
    /// Its id, to notice a journal that is not the one followed before.
    pub event_id: EventId,
}

/// What a batch changes, in order of keys, each key once. `None` deletes.
///
/// Sorted lists and not maps: a rebuild writes millions of rows in one batch, and sorting once costs a fraction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Fold state. Keys that begin with `!` are the runner's own.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Rows, by [`RowKey::to_bytes`].
    pub rows: Vec<(Vec<u8>, Option<Row>)>,
    /// Keys of rows that came and went within the batch, in order. The store never had them; a replica whose batch ended
    /// between may have published them.
    pub passed: Vec<Vec<u8>>,
}

/// Why a store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No room: the disk or the map is full. Nothing was lost; it goes on when there is room.
    #[error("{operation}: the projection store is full")]
    Full {
        /// What was tried.
        operation: &'static str,
    },
    /// The store is ahead of its journal, or of another one.
    #[error("the views do not belong to this journal: {reason}")]
    Foreign {
        /// What does not fit.
        reason: String,
    },
    /// Another process has this store open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The store.
        path: String,
    },
    /// What is stored cannot be right.
    #[error("{operation}: the projection store is corrupt: {reason}")]
    Corrupt {
        /// What was tried.
        operation: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The engine failed.
    #[error("{operation}: the engine of the projection store failed")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

//! The port through which finished rows are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use events::{JournalId, Position, StreamId, Timestamp};
use thiserror::Error;

use crate::key::{Partition, RowKey};

/// A finished row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Up to this position its bytes are right. Within a generation, equal key and version means equal bytes.
    pub version: Position,
    /// The body; what it holds is a matter of the key.
    pub body: Bytes,
}

/// How far views have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewStatus {
    /// The journal whose positions these are.
    pub journal_id: JournalId,
    /// Every row is right at least up to here, parked streams aside.
    pub published: Position,
    /// Streams that are set aside with an error, to be decided by an operator.
    pub parked: Arc<BTreeSet<StreamId>>,
    /// These rows stay as they are: others, by other rules, are being made in their place.
    pub frozen: bool,
    /// When the last event that was folded was recorded; `None` if nothing was folded since the start.
    pub recorded_at: Option<Timestamp>,
}

/// Since when rows may be missing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// They follow the journal itself: how far they are behind is all there is to know.
    Journal,
    /// Everything acknowledged before this is in them.
    Time(Timestamp),
    /// Nobody knows yet.
    Unknown,
}

/// Reads finished rows.
#[async_trait]
pub trait ViewReader: Send + Sync + 'static {
    /// One row.
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, ViewError>;

    /// Many rows, in the order of the keys, in one read.
    async fn multi_get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, ViewError>;

    /// Rows of a partition in order, the first one at or after `from`, at most `limit`, with their clustering parts.
    async fn range(&self, partition: Partition, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ViewError>;

    /// How far views have come.
    fn status(&self) -> ViewStatus;

    /// Since when the rows may be missing something that was acknowledged.
    fn as_of(&self) -> AsOf {
        AsOf::Journal
    }

    /// Whether a row that is read is at least as new as what is published. Where it is not, waiting promises nothing.
    fn keeps_tokens(&self) -> bool {
        true
    }

    /// Returns once `published` has reached a position. Cancel safe.
    async fn wait_published(&self, position: Position) -> Result<(), ViewError>;
}

/// Knows which views are to be read now: those of the generation that is served.
///
/// A request reads one reader throughout, and asks for it after it has waited.
#[async_trait]
pub trait ViewSource: Send + Sync + 'static {
    /// The reader to use from here on.
    fn current(&self) -> Arc<dyn ViewReader>;

    /// Returns once the views that [`Self::current`] gives have reached a position. Cancel safe.
    async fn wait_published(&self, position: Position) -> Result<(), ViewError>;
}

/// One reader, for ever.
#[async_trait]
impl<R: ViewReader> ViewSource for Arc<R> {
    fn current(&self) -> Arc<dyn ViewReader> {
        self.clone()
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        ViewReader::wait_published(self.as_ref(), position).await
    }
}

/// Why rows could not be read.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The store may answer later.
    #[error("{operation}: views are unavailable: {reason}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// Why.
        reason: String,
    },
    /// What is stored cannot be right.
    #[error("{operation}: views are corrupt: {reason}")]
    Corrupt {
        /// What was tried.
        operation: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// These are the views of another journal.
    #[error("the views do not belong to this journal: {reason}")]
    Foreign {
        /// What does not fit.
        reason: String,
    },
    /// The engine failed.
    #[error("{operation}: the engine of the views failed")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

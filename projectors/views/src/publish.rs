//! The port through which finished rows are published to where any machine can read them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use events::{JournalId, Position, StreamId, Timestamp};

use crate::port::ViewError;

/// A row as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRow {
    /// [`crate::RowKey::to_bytes`].
    pub key: Vec<u8>,
    /// Up to this position it is right.
    pub version: Position,
    /// The body; `None` if the row was removed.
    pub body: Option<Bytes>,
}

/// How far a generation is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The journal whose positions these are.
    pub journal_id: JournalId,
    /// Every row that was published is right at least up to here, parked streams aside.
    pub position: Position,
    /// Streams that are set aside with an error.
    pub parked: Arc<BTreeSet<StreamId>>,
    /// Everything acknowledged before this is in the rows; `None` if nobody knows.
    pub as_of: Option<Timestamp>,
    /// Whether readers may have it. Saying that they may not takes nothing back.
    pub served: bool,
}

/// Makes publishers of generations.
#[async_trait]
pub trait ViewPublishers: Send + Sync + 'static {
    /// Gets ready to open one soon, without writing anything.
    async fn connect(&self) -> Result<(), ViewError>;

    /// A publisher of the generation of a group that a version of its projection makes.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if rows of another journal are published there.
    async fn open(
        &self,
        group: &str,
        projection_version: u32,
        journal_id: JournalId,
    ) -> Result<Arc<dyn ViewPublisher>, ViewError>;
}

/// Publishes the rows of one generation of a group.
///
/// Any number of processes may publish the same generation at once: an older version of a row never replaces a newer one,
/// and what is published never goes back.
#[async_trait]
pub trait ViewPublisher: Send + Sync + 'static {
    /// What is published; `None` if nothing was yet.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if it is of another journal.
    async fn published(&self) -> Result<Option<Publication>, ViewError>;

    /// How far the generation has come that readers have now, if they have one.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if it is of another journal.
    async fn readers_have(&self) -> Result<Option<Position>, ViewError>;

    /// Stores rows, in any order; all of them are stored when it returns.
    async fn publish_rows(&self, rows: Vec<PublishedRow>) -> Result<(), ViewError>;

    /// Says how far rows are published. Nothing happens if it was further already.
    async fn publish(&self, publication: &Publication) -> Result<(), ViewError>;
}

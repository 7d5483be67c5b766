//! What a journal holds besides its events, row by row: for copies, and to compare them.

use async_trait::async_trait;
use events::{JournalId, Position, StreamId, Timestamp};

use crate::append::IdempotencyKey;
use crate::error::JournalError;
use crate::port::Snapshot;

/// What names a journal, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalStand {
    /// Names the order of positions.
    pub id: JournalId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its newest position.
    pub head: Position,
    /// When its newest event was recorded; zero without one.
    pub recorded_at: Timestamp,
}

/// A key, and the events that were accepted under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Position of the first event.
    pub first: Position,
    /// Position of the last event.
    pub last: Position,
    /// The key.
    pub key: IdempotencyKey,
    /// Hash of the request.
    pub payload_hash: [u8; 32],
}

/// A name, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClaim {
    /// The set in which it is unique, by the name that stores use.
    pub kind: String,
    /// The name.
    pub value: String,
    /// Who has it.
    pub stream: StreamId,
}

/// A snapshot, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The stream.
    pub stream: StreamId,
    /// Its state at a version.
    pub snapshot: Snapshot,
}

/// Hands out all rows of a journal, in the order of their keys, a page at a time: what comes after the last of a page.
#[async_trait]
pub trait JournalRecords: Send + Sync {
    /// Its name, and where it stands.
    async fn stand(&self) -> Result<JournalStand, JournalError>;

    /// Keys, by their first position.
    async fn keys(&self, after: Position, limit: usize) -> Result<Vec<StoredKey>, JournalError>;

    /// Names, by kind and value.
    async fn claims(&self, after: Option<&StoredClaim>, limit: usize) -> Result<Vec<StoredClaim>, JournalError>;

    /// Snapshots, by the kind of their stream and its id.
    async fn snapshots(
        &self,
        after: Option<&StoredSnapshot>,
        limit: usize,
    ) -> Result<Vec<StoredSnapshot>, JournalError>;
}

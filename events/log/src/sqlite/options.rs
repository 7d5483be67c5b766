//! The settings of a [`SqliteJournal`](crate::SqliteJournal).

use std::time::Duration;

/// How a [`SqliteJournal`](crate::SqliteJournal) works. Every field is a bound or a promise.
#[derive(Debug, Clone)]
pub struct SqliteJournalOptions {
    /// The most commands in one transaction.
    pub max_batch: usize,
    /// The most bytes of payload in one transaction. One command may be larger, and is then alone in it.
    pub max_batch_bytes: usize,
    /// How many commands may wait. One more is told that the journal is unavailable.
    pub queue: usize,
    /// How large the file may grow; beyond it the journal is full. Only the disk bounds it when absent.
    pub max_bytes: Option<u64>,
    /// Whether a commit waits for the disk.
    pub synchronous: Synchronous,
    /// How long an idempotency key is kept at least.
    pub key_retention: Duration,
    /// Connections that read, beside the one that writes.
    pub read_connections: u32,
}

impl Default for SqliteJournalOptions {
    fn default() -> Self {
        Self {
            max_batch: 512,
            max_batch_bytes: 8 * 1024 * 1024,
            queue: 4096,
            max_bytes: None,
            synchronous: Synchronous::Full,
            key_retention: Duration::from_secs(7 * 24 * 60 * 60),
            read_connections: 4,
        }
    }
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Every acknowledged append was synced. The only choice that a program may offer.
    Full,
    /// Nothing is ever synced: a power cut may lose acknowledged appends or the whole file.
    ///
    /// It exists so that the law "synced before acknowledged" can be seen to fail. No configuration reaches it.
    Off,
}

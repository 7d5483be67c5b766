//! The settings of a [`PostgresJournal`](crate::PostgresJournal).

use std::time::Duration;

/// How a [`PostgresJournal`](crate::PostgresJournal) works. Every field is a bound.
#[derive(Debug, Clone)]
pub struct PostgresJournalOptions {
    /// The most commands in one transaction.
    pub max_batch: usize,
    /// The most bytes of payload in one transaction. One command may be larger, and is then alone in it.
    pub max_batch_bytes: usize,
    /// How many commands may wait. One more is told that the journal is unavailable.
    pub queue: usize,
    /// How long an idempotency key is kept at least.
    pub key_retention: Duration,
    /// The most connections that read, beside the one that writes.
    pub read_connections: u32,
    /// Where the past is read, if not where the journal is written.
    pub replica: Option<ReplicaOptions>,
    /// How often the feed looks for what other processes appended and did not get told.
    pub look_every: LookEvery,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long a read may take once it has a connection.
    pub read_timeout: Duration,
    /// How long a batch waits for the lock that other processes hold.
    pub lock_timeout: Duration,
    /// How long a batch may take in all before its connection counts as lost.
    pub answer_timeout: Duration,
    /// How long a batch whose connection was lost is sent again before its commands are told that nobody knows.
    pub settle_timeout: Duration,
}

/// How long is waited from one look to the next, twice as long each time.
#[derive(Debug, Clone, Copy)]
pub struct LookEvery {
    /// Before the first look.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

/// A replica of the database, by PostgreSQL's own streaming replication. It has as many connections as the primary.
#[derive(Clone)]
pub struct ReplicaOptions {
    /// How it is reached; may hold a password.
    pub url: String,
    /// The most that it may be behind to be read from.
    pub lag_max: Duration,
}

// Written out, because of the password.
impl std::fmt::Debug for ReplicaOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicaOptions").field("lag_max", &self.lag_max).finish_non_exhaustive()
    }
}

impl Default for PostgresJournalOptions {
    fn default() -> Self {
        Self {
            max_batch: 512,
            max_batch_bytes: 8 * 1024 * 1024,
            queue: 4096,
            key_retention: Duration::from_secs(7 * 24 * 60 * 60),
            read_connections: 8,
            replica: None,
            look_every: LookEvery { first: Duration::from_millis(1), longest: Duration::from_millis(50) },
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(15),
            settle_timeout: Duration::from_secs(30),
        }
    }
}

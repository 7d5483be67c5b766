//! Bounds of a publisher.

use std::time::Duration;

/// How a publisher reads and how often it looks.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// The most entries of the local store's index that are read at once.
    pub rows_per_read: usize,
    /// How often it is asked what is published, and said how old rows are, while nothing happens.
    pub heartbeat: Duration,
    /// How far back it goes, in the journal's time, when it begins: what a store acknowledged shortly before its machines
    /// lost power may be gone.
    pub again: Duration,
    /// How often it takes its turn further; it lasts at least three times as long without that.
    pub keep_turn_every: Duration,
    /// How often one that stands by looks whether it is its turn.
    pub standby_look: Duration,
    /// How long giving the turn back may take at the end.
    pub release_timeout: Duration,
    /// Wait after the first failure; doubled after each further one.
    pub retry_backoff: Duration,
    /// The longest wait after a failure.
    pub retry_backoff_max: Duration,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            rows_per_read: 4_096,
            heartbeat: Duration::from_secs(1),
            again: Duration::from_secs(600),
            keep_turn_every: Duration::from_millis(1_300),
            standby_look: Duration::from_millis(300),
            release_timeout: Duration::from_secs(1),
            retry_backoff: Duration::from_millis(50),
            retry_backoff_max: Duration::from_secs(5),
        }
    }
}

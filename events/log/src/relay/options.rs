//! Bounds of the relay.

use std::time::Duration;

/// How the relay works.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// How long the lease lasts without a word; it is renewed three times as often.
    pub lease: Duration,
    /// How often one that stands by looks whether the lease is free.
    pub standby_look: Duration,
    /// Events read from the journal at once.
    pub page: usize,
    /// How often a watermark is sent while there is nothing else to send.
    pub watermark_every: Duration,
    /// How often it looks whether the topic is still the one that it writes to.
    pub topic_look: Duration,
    /// Wait after the first failure; doubled after each further one.
    pub retry_backoff: Duration,
    /// The longest wait after a failure.
    pub retry_backoff_max: Duration,
    /// How long giving the lease back may take at the end.
    pub release_timeout: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(4),
            standby_look: Duration::from_millis(300),
            page: 1_024,
            watermark_every: Duration::from_secs(1),
            topic_look: Duration::from_secs(2),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(5),
            release_timeout: Duration::from_secs(1),
        }
    }
}

//! The settings of the query API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// How the query API behaves. Every wait and every repetition has its bound here.
#[derive(Clone)]
pub struct QueryOptions {
    /// Signs cursors. All processes that serve the same clients need the same one.
    pub cursor_key: [u8; 32],
    /// How long a request with a consistency token waits for views to catch up.
    pub token_wait_max: Duration,
    /// An answer that may be older than this says so: the feed that views follow has been silent for as long.
    pub age_max: Duration,
    /// How many requests may wait for views at once; more are refused (503).
    pub token_waiters_max: usize,
    /// How often a list is read when it changes under the reader, before the answer says that it may be stale.
    pub list_attempts_max: usize,
    /// Range reads in one attempt, when blocks are short.
    pub list_ranges_max: usize,
    /// How long to wait, before reading a changing list again, for the views to publish what was seen of it.
    pub list_settle_wait_max: Duration,
    /// Of so many places the evaluated opening hours are remembered.
    pub hours_remembered_max: usize,
    /// Tells the time, for what is open now.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl QueryOptions {
    /// The defaults.
    pub fn new(cursor_key: [u8; 32]) -> Self {
        Self {
            cursor_key,
            token_wait_max: Duration::from_millis(500),
            age_max: Duration::from_secs(5),
            token_waiters_max: 1024,
            list_attempts_max: 3,
            list_ranges_max: 4,
            list_settle_wait_max: Duration::from_millis(20),
            hours_remembered_max: 8_192,
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// Without the key and the clock.
impl fmt::Debug for QueryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryOptions")
            .field("cursor_key", &"(secret)")
            .field("token_wait_max", &self.token_wait_max)
            .field("token_waiters_max", &self.token_waiters_max)
            .field("list_attempts_max", &self.list_attempts_max)
            .field("list_ranges_max", &self.list_ranges_max)
            .field("list_settle_wait_max", &self.list_settle_wait_max)
            .field("hours_remembered_max", &self.hours_remembered_max)
            .finish_non_exhaustive()
    }
}

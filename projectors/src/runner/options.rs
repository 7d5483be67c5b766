//! Bounds of the runner.

use std::time::Duration;

/// How a group reads, folds and commits.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// The most events of a batch while close to the head.
    pub batch_events: usize,
    /// The most events of a batch while further behind than `batch_events`: much is folded, then rendered once.
    pub catch_up_batch_events: usize,
    /// Pending memory, in bytes, that ends a batch.
    pub catch_up_bytes: usize,
    /// The most events that are read from the feed at once.
    pub feed_page: usize,
    /// Pages that are read and decoded ahead of the fold: while it renders and commits, too.
    pub feed_pages_ahead: usize,
    /// Memory that these pages may take, in bytes, roughly.
    pub feed_bytes_ahead: usize,
    /// Wait after the first failure of store or feed; doubled after each further one.
    pub retry_backoff: Duration,
    /// The longest wait after a failure.
    pub retry_backoff_max: Duration,
    /// How often one that halted over its feed looks whether that was mended.
    pub halted_look: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            batch_events: 1_000,
            catch_up_batch_events: 1_000_000,
            // Larger batches write less, and smaller ones stay in memory that is in use already.
            catch_up_bytes: 192 << 20,
            feed_page: 1_024,
            feed_pages_ahead: 256,
            feed_bytes_ahead: 192 << 20,
            retry_backoff: Duration::from_millis(50),
            retry_backoff_max: Duration::from_secs(5),
            halted_look: Duration::from_secs(5),
        }
    }
}

/// Waits that double up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    max: Duration,
}

impl Backoff {
    pub(super) fn new(options: &RunnerOptions) -> Self {
        Self::between(options.retry_backoff, options.retry_backoff_max)
    }

    /// From the first wait to the longest.
    pub(crate) fn between(first: Duration, max: Duration) -> Self {
        Self { next: first, first, max }
    }

    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.max);
        now
    }

    /// Something went well: begin anew.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

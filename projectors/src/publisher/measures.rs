//! What a publisher tells in numbers. How far it has come, and how old that is, is told by who is asked.

use metrics::Counter;

/// Handles to the metrics of one publisher.
pub(super) struct Measures {
    rows: Counter,
    failures: Counter,
}

impl Measures {
    pub(super) fn of(group: &str) -> Self {
        let group = || [("group", group.to_owned())];
        Self {
            rows: metrics::counter!("lawless_publisher_rows_total", &group()),
            failures: metrics::counter!("lawless_publisher_failures_total", &group()),
        }
    }

    /// Rows were acknowledged.
    pub(super) fn published(&self, rows: usize) {
        self.rows.increment(rows as u64);
    }

    /// It has to begin again.
    pub(super) fn failed(&self) {
        self.failures.increment(1);
    }
}

//! What a group tells about its batches in numbers. How far behind it is can only be told by who knows the head.

use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::port::Changes;

/// Handles to the metrics of one group.
pub(super) struct Measures {
    batch_events: Histogram,
    commit_seconds: Histogram,
    rows_written: Counter,
    bytes_written: Counter,
}

impl Measures {
    pub(super) fn new(group: &str) -> Self {
        let group = || [("group", group.to_owned())];
        Self {
            batch_events: metrics::histogram!("lawless_projection_batch_events", &group()),
            commit_seconds: metrics::histogram!("lawless_projection_commit_seconds", &group()),
            rows_written: metrics::counter!("lawless_projection_rows_written_total", &group()),
            bytes_written: metrics::counter!("lawless_projection_bytes_written_total", &group()),
        }
    }

    pub(super) fn committed(&self, events: usize, changes: &Changes, took: Duration) {
        self.batch_events.record(events as f64);
        self.commit_seconds.record(took);
        self.rows_written.increment(changes.rows.len() as u64);
        self.bytes_written.increment(bytes_of(changes));
    }
}

/// Keys and values that a batch writes; what the engine adds is not counted.
fn bytes_of(changes: &Changes) -> u64 {
    let rows = changes.rows.iter().map(|(key, row)| key.len() + row.as_ref().map_or(0, |row| 8 + row.body.len()));
    let state = changes.state.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
    rows.chain(state).sum::<usize>() as u64
}

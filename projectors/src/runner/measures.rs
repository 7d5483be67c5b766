//! What a group tells about itself in numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events::Position;
use metrics::{Counter, Gauge, Histogram};

use super::fold::Last;
use crate::port::Changes;

/// Handles to the metrics of one group.
pub(super) struct Measures {
    position: Gauge,
    head: Gauge,
    lag_events: Gauge,
    lag_seconds: Gauge,
    parked: Gauge,
    batch_events: Histogram,
    commit_seconds: Histogram,
    rows_written: Counter,
    bytes_written: Counter,
}

impl Measures {
    pub(super) fn new(group: &str) -> Self {
        let group = || [("group", group.to_owned())];
        Self {
            position: metrics::gauge!("lawless_projection_position", &group()),
            head: metrics::gauge!("lawless_projection_head", &group()),
            lag_events: metrics::gauge!("lawless_projection_lag_events", &group()),
            lag_seconds: metrics::gauge!("lawless_projection_lag_seconds", &group()),
            parked: metrics::gauge!("lawless_projection_parked", &group()),
            batch_events: metrics::histogram!("lawless_projection_batch_events", &group()),
            commit_seconds: metrics::histogram!("lawless_projection_commit_seconds", &group()),
            rows_written: metrics::counter!("lawless_projection_rows_written_total", &group()),
            bytes_written: metrics::counter!("lawless_projection_bytes_written_total", &group()),
        }
    }

    pub(super) fn committed(
        &self,
        last: Last,
        head: Position,
        parked: usize,
        events: usize,
        changes: &Changes,
        took: Duration,
    ) {
        let behind = head.0.saturating_sub(last.position.0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let age = if behind == 0 { 0.0 } else { (now - last.recorded_at.0 as f64 / 1e6).max(0.0) };
        self.position.set(last.position.0 as f64);
        self.head.set(head.0 as f64);
        self.lag_events.set(behind as f64);
        self.lag_seconds.set(age);
        self.parked.set(parked as f64);
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

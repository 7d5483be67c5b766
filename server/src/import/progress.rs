//! The progress of an import, for people who wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Report;

/// Rows between two looks at the counts.
const ROWS_PER_MESSAGE: u64 = 256;

/// The bar shows bytes read; the words beside it rows.
pub(super) struct ImportProgress {
    bar: ProgressBar,
    rows: AtomicU64,
    start: Instant,
}

impl ImportProgress {
    /// Shows an empty bar.
    pub(super) fn start() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent}% {msg}, {eta} left")
            .expect("a constant template, shown by every import");
        let bar = ProgressBar::new(0).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, rows: AtomicU64::new(0), start: Instant::now() }
    }

    /// The bar itself, for who reads the file.
    pub(super) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// A row was read.
    pub(super) fn row(&self, report: &Report) {
        let rows = self.rows.fetch_add(1, Ordering::Relaxed) + 1;
        if rows.is_multiple_of(ROWS_PER_MESSAGE) {
            self.show(rows, report);
        }
    }

    /// All rows are read.
    pub(super) fn look_for_gone(&self) {
        self.bar.set_message("looking for what is gone");
    }

    /// Takes the bar away.
    pub(super) fn finish(&self, report: &Report) {
        self.show(self.rows.load(Ordering::Relaxed), report);
        self.bar.finish_and_clear();
    }

    fn show(&self, rows: u64, report: &Report) {
        let counts = report.counts();
        let rate = rows as f64 / self.start.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!(
            "{rows} rows ({rate:.0}/s): {} new, {} changed, {} unchanged, {} rejected",
            counts.registered,
            counts.changed,
            counts.unchanged,
            counts.rejected()
        ));
    }
}

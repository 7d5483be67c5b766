//! Bounds of batches.

use std::time::Duration;

use tokio::sync::watch;

use super::super::MAX_BODY_BYTES;

/// What a line has around the body of its command: its other members, with room to spare.
const ENVELOPE_BYTES: usize = 4 * 1024;

/// How much batches may hold, and how long they may take.
#[derive(Debug, Clone)]
pub struct BatchOptions {
    /// Batches at once. One more is told to come again.
    pub max_batches: usize,
    /// Commands of one batch that are taken and not answered.
    pub max_lines_in_flight: usize,
    /// Bytes of these commands.
    pub max_bytes_in_flight: usize,
    /// Bytes of one line. A longer one is refused; the lines after it are taken.
    pub max_line_bytes: usize,
    /// How long the next line may take to arrive as a whole. The time in which none is wanted does not count.
    pub line_read_timeout: Duration,
    /// How long the client may leave results unread.
    pub result_write_timeout: Duration,
    /// How long what still comes is thrown away after a batch ended early, so that its last result is read.
    pub early_end_patience: Duration,
    /// Says, by becoming true, that no more lines are to be taken.
    pub stop: Option<watch::Receiver<bool>>,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            max_batches: 8,
            max_lines_in_flight: 256,
            max_bytes_in_flight: 8 * 1024 * 1024,
            max_line_bytes: MAX_BODY_BYTES + ENVELOPE_BYTES,
            line_read_timeout: Duration::from_secs(15),
            result_write_timeout: Duration::from_secs(30),
            early_end_patience: Duration::from_secs(1),
            stop: None,
        }
    }
}

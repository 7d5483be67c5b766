//! The time that `recorded_at` is taken from.

use std::time::{SystemTime, UNIX_EPOCH};

use events::Timestamp;

/// Now, as the system's clock says. A clock before 1970 counts as 1970.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

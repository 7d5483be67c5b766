//! Each of these needs engines.

mod broker;
mod holes;
mod place;
mod registry;
mod relays;
mod topic;

use std::time::{Duration, Instant};

/// Long enough for any machine; it is only ever waited out by a test that fails.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until something has happened.
async fn until(what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < DEADLINE, "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

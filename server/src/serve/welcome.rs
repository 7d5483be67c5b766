//! What the program says when it is ready.

use std::path::Path;
use std::time::Duration;

use crate::cli::say;
use crate::folder::Addresses;

/// Prints where to go from here.
pub(super) fn say_ready(addresses: &Addresses, data: &Path, events: u64, took: Duration) {
    let api = &addresses.api;
    say(format!("Ready after {:.1} s with {events} events.", took.as_secs_f64()));
    say("");
    say("Open next:");
    say(format!("  http://{api}/                                            what there is"));
    say(format!("  http://{api}/docs/                                       the API, to read and to try"));
    say(format!("  http://{api}/v1/categories                               all categories"));
    say(format!("  http://{api}/v1/categories/restaurant/businesses         the best restaurants"));
    say("");
    say(format!("  data          {}", data.display()));
    say(format!("  admin key     {}", data.join("admin-key").display()));
    say(format!("  health        http://{}/readyz and /metrics", addresses.admin));
    say("");
    say("Ctrl-C stops it.");
}

/// Prints the admin key; it is shown only when it is made.
pub(super) fn say_new_key(key: &str) {
    say("");
    say(format!("Admin key, shown only now: {key}"));
    say("Commands need it: Authorization: Bearer <key>");
    say("");
}

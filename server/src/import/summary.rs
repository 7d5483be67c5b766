//! What an import says at its end.

use std::time::Duration;

use super::report::Counts;
use crate::cli::say;

/// Says how many rows became what.
pub(super) fn say_counts(counts: &Counts, took: Duration) {
    let seconds = took.as_secs_f64().max(0.001);
    say(format!("{} rows in {seconds:.1} s ({:.0}/s)", counts.rows(), counts.rows() as f64 / seconds));
    say(format!(
        "  accepted {}: {} new, {} changed, {} unchanged",
        counts.accepted(),
        counts.registered,
        counts.changed,
        counts.unchanged
    ));
    if counts.kept > 0 {
        say(format!("  kept {} members that an admin changed", counts.kept));
    }
    if !counts.left.is_empty() {
        say_each("left as they are", counts.left.iter());
    }
    if counts.skipped > 0 {
        say(format!("  skipped {}", counts.skipped));
    }
    say_each("rejected", counts.rejected.iter());
    say_each("left out", counts.warnings.iter());
    if !counts.gone.is_empty() {
        say_each("gone", counts.gone.iter());
    }
}

fn say_each<'c>(what: &str, counts: impl Iterator<Item = (impl std::fmt::Display, &'c u64)> + Clone) {
    say(format!("  {what} {}", counts.clone().map(|(_, count)| count).sum::<u64>()));
    for (code, count) in counts {
        say(format!("    {count} {code}"));
    }
}

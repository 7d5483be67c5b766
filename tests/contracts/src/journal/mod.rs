//! Laws of `Journal` and `EventFeed`.
//!
//! An engine's test gives a factory, `async fn() -> impl JournalHarness`, to [`journal_laws!`](crate::journal_laws):
//! each law becomes a test of its own, on an empty journal of its own.

#![allow(clippy::unwrap_used, reason = "laws are tests: a panic is how they fail")]

mod appends;
mod claims;
mod conflicts;
mod keys;
mod order;
mod reading;
mod stored;

use std::sync::Arc;

use async_trait::async_trait;
use event_log::{EventFeed, Journal};

pub use appends::{append, append_many, business, claim};
pub use claims::*;
pub use conflicts::*;
pub use keys::*;
pub use order::*;
pub use reading::*;
pub use stored::{assert_dense, read_all};

/// One journal under test, on real storage.
#[async_trait]
pub trait JournalHarness: Send + Sync {
    /// The open journal.
    fn journal(&self) -> Arc<dyn Journal>;
    /// Its feed, once that has what the journal has.
    async fn feed(&self) -> Arc<dyn EventFeed>;
    /// Closes the journal, and opens what it stored.
    async fn reopen(&mut self);
}

/// Expands to one `#[tokio::test]` per law, each on a journal that the factory made.
#[macro_export]
macro_rules! journal_laws {
    ($factory:path) => {
        $crate::journal_laws! { @each $factory;
            acknowledged_events_survive_reopening,
            the_journal_id_survives_reopening,
            positions_are_dense_under_concurrent_writers,
            a_feed_never_skips_under_concurrent_writers,
            recorded_at_never_goes_back,
            a_waiting_follower_is_woken,
            a_feed_reads_in_pages,
            a_stream_is_read_in_versions,
            many_events_are_stored_together_or_not_at_all,
            snapshots_only_go_forward,
            a_stale_version_conflicts_alone,
            racing_writers_of_a_stream_take_turns,
            a_stale_read_conflicts,
            a_stream_may_be_read_by_many,
            a_read_of_a_stream_written_beside_it_is_checked,
            malformed_appends_are_refused,
            a_payload_over_the_limit_is_refused,
            a_retry_gets_the_first_answer,
            a_reused_key_is_refused,
            a_key_belongs_to_its_actor,
            the_key_is_checked_before_the_version,
            racing_retries_append_once,
            a_refused_append_leaves_nothing,
            a_claim_belongs_to_one_stream,
            racing_claims_are_given_once,
            a_stream_may_claim_again_what_it_holds,
            a_name_may_be_claimed_twice_in_one_append,
            claims_are_listed_by_their_prefix,
            claims_of_different_kinds_are_different,
        }
    };
    (@each $factory:path; $($law:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                $crate::journal::$law($factory().await).await;
            }
        )+
    };
}

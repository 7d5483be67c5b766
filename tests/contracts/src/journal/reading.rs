//! Streams, pages, snapshots: what the command side and the followers read.

use event_log::{AppendError, Snapshot};
use events::{MAX_PAYLOAD_BYTES, Position, StreamVersion};

use super::JournalHarness;
use super::appends::{append, append_many, business, claim, event};
use super::stored::read_all;

/// A page starts behind a position and holds at most what was asked for.
pub async fn a_feed_reads_in_pages(harness: impl JournalHarness) {
    for _ in 0..4 {
        harness.journal().append(append_many(business(), 0, 5)).await.unwrap();
    }
    let feed = harness.feed().await;
    let positions = async |after: u64, limit: usize| -> Vec<u64> {
        feed.read(Position(after), limit).await.unwrap().iter().map(|event| event.position.0).collect()
    };
    assert_eq!(positions(0, 3).await, [1, 2, 3]);
    assert_eq!(positions(3, 4).await, [4, 5, 6, 7]);
    assert_eq!(positions(18, 100).await, [19, 20]);
    assert_eq!(positions(20, 100).await, [0_u64; 0]);
    assert_eq!(positions(u64::MAX, 100).await, [0_u64; 0]);
    assert_eq!(positions(0, usize::MAX).await.len(), 20);
}

/// A stream is its own events only, in versions, whatever was written between them.
pub async fn a_stream_is_read_in_versions(harness: impl JournalHarness) {
    let journal = harness.journal();
    let (mine, other) = (business(), business());
    for version in 0..5 {
        journal.append(append(mine, version)).await.unwrap();
        journal.append(append(other, version)).await.unwrap();
    }
    let versions = async |after: u64, limit: usize| -> Vec<u64> {
        let events = journal.read_stream(mine, StreamVersion(after), limit).await.unwrap();
        assert!(events.iter().all(|event| event.header.stream == mine));
        events.iter().map(|event| event.header.version.0).collect()
    };
    assert_eq!(versions(0, 100).await, [1, 2, 3, 4, 5]);
    assert_eq!(versions(2, 2).await, [3, 4]);
    assert_eq!(versions(5, 100).await, [0_u64; 0]);
    assert_eq!(versions(u64::MAX, 100).await, [0_u64; 0]);
    assert!(journal.read_stream(business(), StreamVersion::ZERO, 100).await.unwrap().is_empty());
}

/// The largest append is stored whole, one that is refused leaves no part of it.
pub async fn many_events_are_stored_together_or_not_at_all(harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    let appended = journal.append(append_many(stream, 0, 64)).await.unwrap();
    assert_eq!((appended.first, appended.last, appended.version.0), (Position(1), Position(64), 64));
    let refused = journal.append(append_many(stream, 63, 64)).await.unwrap_err();
    assert!(matches!(refused, AppendError::StaleVersion { .. }), "{refused}");
    assert_eq!(read_all(&*harness.feed().await).await.len(), 64);
}

/// A snapshot replaces an older one, and never a newer one.
pub async fn snapshots_only_go_forward(mut harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    let at = |version: u64, state: u8| Snapshot { version: StreamVersion(version), format: 7, state: vec![state; 9] };
    assert_eq!(journal.load_snapshot(stream).await.unwrap(), None);
    journal.save_snapshot(stream, at(5, 1)).await.unwrap();
    journal.save_snapshot(stream, at(3, 2)).await.unwrap();
    journal.save_snapshot(stream, at(5, 3)).await.unwrap();
    assert_eq!(journal.load_snapshot(stream).await.unwrap(), Some(at(5, 1)));
    journal.save_snapshot(stream, at(8, 4)).await.unwrap();
    assert_eq!(journal.load_snapshot(business()).await.unwrap(), None);
    drop(journal);
    harness.reopen().await;
    assert_eq!(harness.journal().load_snapshot(stream).await.unwrap(), Some(at(8, 4)));
}

/// What no journal takes is refused with its own words, and stores nothing.
pub async fn malformed_appends_are_refused(harness: impl JournalHarness) {
    let journal = harness.journal();
    let mut long_key = append(business(), 0);
    long_key.key.key = "k".repeat(256);
    let mut long_claim = append(business(), 0);
    long_claim.claims = vec![claim(&"c".repeat(513))];
    let mut long_actor = append(business(), 0);
    long_actor.actor.id = "a".repeat(65);
    for bad in [append_many(business(), 0, 0), append_many(business(), 0, 65), long_key, long_claim, long_actor] {
        let refused = journal.append(bad).await.unwrap_err();
        assert!(matches!(refused, AppendError::Malformed(_)), "{refused}");
    }
    let mut longest = append(business(), 0);
    longest.key.key = "k".repeat(255);
    longest.claims = vec![claim(&"c".repeat(512))];
    longest.actor.id = "a".repeat(64);
    journal.append(longest).await.unwrap();
    assert_eq!(read_all(&*harness.feed().await).await.len(), 1);
}

/// The largest payload is taken, one byte more is not.
pub async fn a_payload_over_the_limit_is_refused(harness: impl JournalHarness) {
    let mut too_large = append(business(), 0);
    too_large.events.push(event(1, MAX_PAYLOAD_BYTES + 1));
    match harness.journal().append(too_large).await.unwrap_err() {
        AppendError::PayloadTooLarge { bytes, limit } => {
            assert_eq!((bytes, limit), (MAX_PAYLOAD_BYTES + 1, MAX_PAYLOAD_BYTES));
        }
        other => panic!("{other}"),
    }
    let mut largest = append(business(), 0);
    largest.events[0].payload = vec![7; MAX_PAYLOAD_BYTES];
    harness.journal().append(largest.clone()).await.unwrap();
    let stored = read_all(&*harness.feed().await).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].payload, largest.events[0].payload);
}

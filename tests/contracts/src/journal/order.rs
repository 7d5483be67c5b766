//! One dense order, whoever writes and whoever reads.

use std::sync::Arc;
use std::time::Duration;

use event_log::Journal;
use events::Position;
use futures::future::join_all;

use super::JournalHarness;
use super::appends::{append, append_many, business};
use super::stored::{assert_dense, assert_stored, read_all};

const WRITERS: u64 = 64;
const APPENDS_PER_WRITER: u64 = 8;
/// Long enough for any machine; it is only ever waited out by a law that is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// Each writer fills a stream of its own, one and two events in turn. Returns how many events that were.
async fn write_from_many(journal: Arc<dyn Journal>) -> u64 {
    let writers = (0..WRITERS).map(|_| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let stream = business();
            let mut version = 0;
            for number in 0..APPENDS_PER_WRITER {
                let events = 1 + usize::try_from(number % 2).unwrap();
                version = journal.append(append_many(stream, version, events)).await.unwrap().version.0;
            }
            version
        })
    });
    join_all(writers).await.into_iter().map(Result::unwrap).sum()
}

/// What was acknowledged is there, unchanged, now and after the journal was opened again.
pub async fn acknowledged_events_survive_reopening(mut harness: impl JournalHarness) {
    let appends: Vec<_> = (1..20).map(|events| append_many(business(), 0, events)).collect();
    let mut answers = Vec::new();
    for append in &appends {
        answers.push(harness.journal().append(append.clone()).await.unwrap());
    }
    for _ in 0..2 {
        let stored = read_all(&*harness.feed().await).await;
        assert_dense(&stored);
        assert_eq!(stored.len(), (1..20).sum::<usize>());
        for (append, answer) in appends.iter().zip(&answers) {
            assert!(!answer.replayed);
            assert_stored(&stored, append, answer);
        }
        harness.reopen().await;
    }
    // It goes on where it was.
    let next = harness.journal().append(append(business(), 0)).await.unwrap();
    assert_eq!(next.first.0, (1..20).sum::<u64>() + 1);
}

/// The id names the order of positions, so it stays as long as that does.
pub async fn the_journal_id_survives_reopening(mut harness: impl JournalHarness) {
    let id = harness.journal().id();
    assert_eq!(harness.feed().await.journal_id(), id);
    harness.reopen().await;
    assert_eq!(harness.journal().id(), id);
    assert_eq!(harness.feed().await.journal_id(), id);
}

/// 1, 2, 3, …, each given once, and the head is the last of them.
pub async fn positions_are_dense_under_concurrent_writers(mut harness: impl JournalHarness) {
    let written = write_from_many(harness.journal()).await;
    for _ in 0..2 {
        let stored = read_all(&*harness.feed().await).await;
        assert_dense(&stored);
        assert_eq!(stored.len() as u64, written);
        assert_eq!(harness.feed().await.head().await.unwrap(), Position(written));
        harness.reopen().await;
    }
}

/// A follower that reads while others write sees every position, in order, and none that is taken back.
pub async fn a_feed_never_skips_under_concurrent_writers(harness: impl JournalHarness) {
    let feed = harness.feed().await;
    let expected = WRITERS * APPENDS_PER_WRITER * 3 / 2;
    let follower = tokio::spawn(async move {
        let mut seen = Vec::new();
        while (seen.len() as u64) < expected {
            let last = Position(seen.len() as u64);
            feed.wait_beyond(last).await.unwrap();
            seen.extend(feed.read(last, 37).await.unwrap());
            assert_dense(&seen);
        }
        seen
    });
    let written = write_from_many(harness.journal()).await;
    assert_eq!(written, expected);
    let seen = tokio::time::timeout(DEADLINE, follower).await.expect("the follower saw all events").unwrap();
    assert_eq!(seen, read_all(&*harness.feed().await).await);
}

/// The journal's time is in the order of positions.
pub async fn recorded_at_never_goes_back(harness: impl JournalHarness) {
    write_from_many(harness.journal()).await;
    let stored = read_all(&*harness.feed().await).await;
    assert!(stored.iter().all(|event| event.recorded_at.0 > 0));
    assert!(stored.is_sorted_by_key(|event| event.recorded_at));
}

/// Waiting ends with the append, and the event can be read then.
pub async fn a_waiting_follower_is_woken(harness: impl JournalHarness) {
    let feed = harness.feed().await;
    assert_eq!(feed.head().await.unwrap(), Position::ZERO);
    let (waiting, waits) = tokio::sync::oneshot::channel();
    let follower = tokio::spawn(async move {
        waiting.send(()).unwrap();
        // Returning early is allowed, so it is asked for until the event is there.
        loop {
            feed.wait_beyond(Position::ZERO).await.unwrap();
            let events = feed.read(Position::ZERO, 10).await.unwrap();
            if !events.is_empty() {
                return events;
            }
        }
    });
    waits.await.unwrap();
    let appended = harness.journal().append(append(business(), 0)).await.unwrap();
    let events = tokio::time::timeout(DEADLINE, follower).await.expect("the follower was woken").unwrap();
    assert_eq!(events[0].position, appended.first);
    // What is there already is not waited for.
    harness.feed().await.wait_beyond(Position::ZERO).await.unwrap();
}

//! The runner: batches, restarts, and what it must refuse.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_log::EventFeed;
use events::{EventId, Position, RecordedEvent, StreamId};
use projectors::{
    Followed, Generations, GroupError, GroupHandle, GroupHealth, GroupOptions, LmdbProjectionStore, Projection,
    ProjectionGroup, ReplayOptions, RunnerOptions, StoreError, StoreFingerprint, StoreOptions, replay,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Handle;
use uuid::Uuid;
use views::{ViewReader, ViewSource};

use crate::counting::{Counting, GROUP, row_key};
use crate::memory_feed::{MemoryFeed, business, record, skip, word};

pub(crate) fn options(views: &Path) -> GroupOptions {
    GroupOptions {
        name: GROUP.to_owned(),
        views_folder: views.to_owned(),
        store: StoreOptions { map_bytes: 64 << 20, ..StoreOptions::default() },
        runner: RunnerOptions { retry_backoff: Duration::from_millis(1), ..RunnerOptions::default() },
    }
}

pub(crate) fn serving_folder(views: &Path) -> PathBuf {
    Generations::of(views, GROUP).serving_folder().unwrap().unwrap()
}

pub(crate) fn counting() -> Box<dyn Projection> {
    Box::new(Counting::default())
}

pub(crate) async fn start(views: &Path, feed: &Arc<MemoryFeed>) -> GroupHandle {
    ProjectionGroup::start(options(views), counting, feed.clone()).await.unwrap()
}

/// Waits until a group has ended or stalled, and why.
async fn reason(group: &GroupHandle) -> String {
    let mut health = group.health();
    let ended = health.wait_for(|h| matches!(h, GroupHealth::Halted { .. } | GroupHealth::Stalled { .. }));
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("neither halted nor stalled");
    match ended.unwrap().clone() {
        GroupHealth::Halted { reason } => format!("halted: {reason}"),
        GroupHealth::Stalled { reason } => format!("stalled: {reason}"),
        other => panic!("{other:?}"),
    }
}

/// Replays a feed into a fresh store with batches of the given sizes.
pub(crate) async fn replayed(
    feed: Arc<dyn EventFeed>,
    batch_events: impl FnMut() -> usize + Send + 'static,
) -> StoreFingerprint {
    let handle = Handle::current();
    let replay = move || {
        let folder = tempfile::tempdir().unwrap();
        let options = ReplayOptions {
            group: GROUP.to_owned(),
            folder: folder.path().to_owned(),
            until: None,
            store: StoreOptions { map_bytes: 64 << 20, ..StoreOptions::default() },
            // Behind by more than a few events already is far behind: the next ones are folded beside each commit.
            runner: RunnerOptions { feed_page: 64, batch_events: 20, ..RunnerOptions::default() },
        };
        replay(&handle, feed, counting(), &options, batch_events, drop).unwrap().fingerprint().unwrap()
    };
    tokio::task::spawn_blocking(replay).await.unwrap()
}

/// A log with everything in it: poison, bytes that nobody knows, skips of what is parked and of what is not.
pub(crate) fn mixed_log(seed: u64, events: u64) -> Vec<RecordedEvent> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut bad = vec![Position(1)];
    let mut log = Vec::new();
    for position in (1..=events).map(Position) {
        let stream = business(random.random_range(0..25));
        let event = match random.random_range(0..100) {
            0 | 1 => {
                bad.push(position);
                record(position, stream, &word("poison"))
            }
            2 => {
                bad.push(position);
                let mut event = record(position, stream, &word("unknown"));
                event.payload = vec![0xff; 3];
                event
            }
            3..=7 => {
                let one = bad[random.random_range(0..bad.len())];
                record(position, StreamId::operations(GROUP), &skip(GROUP, one))
            }
            8 => record(position, StreamId::operations("another"), &skip("another", bad[0])),
            n => record(position, stream, &word(&format!("w{n}"))),
        };
        log.push(event);
    }
    log
}

/// A group that has halted never gets there: a test that waits for it is to fail, not to wait.
pub(crate) async fn soon<T, E: std::fmt::Debug>(reached: impl Future<Output = Result<T, E>>) -> T {
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("it does not get there").unwrap()
}

#[tokio::test]
async fn how_batches_are_cut_leaves_no_trace() {
    for seed in 0..3 {
        let feed: Arc<dyn EventFeed> = Arc::new(MemoryFeed::new(1, mixed_log(seed, 400)));
        let one_by_one = replayed(feed.clone(), || 1).await;
        assert!(one_by_one.rows > 20);
        assert_eq!(replayed(feed.clone(), || usize::MAX).await, one_by_one, "seed {seed}, all at once");
        let mut random = StdRng::seed_from_u64(seed);
        assert_eq!(replayed(feed, move || random.random_range(1..200)).await, one_by_one, "seed {seed}, random");
    }
}

#[tokio::test]
async fn a_group_follows_and_resumes_after_a_restart() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let group = start(views.path(), &feed).await;
    assert_eq!(*group.health().borrow(), GroupHealth::Live, "an empty feed is caught up with");

    // When: events come one after the other, each is there without waiting for another.
    for number in 1..=20 {
        let position = feed.push(business(number % 3), &word(&format!("w{number}")));
        soon(group.reader().wait_published(position)).await;
    }
    let before = group.reader().get(&row_key(business(1))).await.unwrap().unwrap();
    assert_eq!(before.version, Position(19));
    assert_eq!(&before.body[..], b"7 w19 w16 w13 w10 w7 w4 w1 ");
    group.shutdown().await;

    // Then: after a restart it is where it was, at once; with more events it goes on from there.
    let group = start(views.path(), &feed).await;
    assert_eq!(group.status().published, Position(20));
    assert_eq!(*group.health().borrow(), GroupHealth::Live);
    group.shutdown().await;
    let last = feed.push(business(1), &word("later"));
    let group = start(views.path(), &feed).await;
    soon(group.reader().wait_published(last)).await;
    let row = group.reader().get(&row_key(business(1))).await.unwrap().unwrap();
    assert_eq!(&row.body[..], b"8 later w19 w16 w13 w10 w7 w4 w1 ");
    assert_eq!(group.status().published, last);
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&serving_folder(views.path()), &options(views.path()).store).unwrap();
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 7).await);
}

#[tokio::test]
async fn small_bounds_give_the_same_rows() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, mixed_log(9, 1_500)));
    let mut small = options(views.path());
    small.runner.batch_events = 3;
    small.runner.catch_up_batch_events = 40;
    small.runner.catch_up_bytes = 500;
    small.runner.feed_page = 7;
    small.runner.feed_pages_ahead = 1;
    // Room for one page at a time.
    small.runner.feed_bytes_ahead = 1;
    let group = ProjectionGroup::start(small.clone(), counting, feed.clone()).await.unwrap();
    soon(group.reader().wait_published(Position(1_500))).await;
    group.health().wait_for(|health| *health == GroupHealth::Live).await.unwrap();
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&serving_folder(views.path()), &small.store).unwrap();
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 100).await);
}

#[tokio::test]
async fn a_hole_in_the_feed_halts_with_words() {
    let views = tempfile::tempdir().unwrap();
    let log = [1, 2, 4].map(|n| record(Position(n), business(n), &word("w")));
    let feed = Arc::new(MemoryFeed::new(1, log.to_vec()));
    let group = start(views.path(), &feed).await;
    assert_eq!(reason(&group).await, "halted: the feed has a hole: position 4 comes after 2");
    assert!(group.status().published < Position(4));
    let error = group.views().wait_published(Position(4)).await.unwrap_err();
    assert!(error.to_string().contains("the projection has ended"), "{error}");
}

/// What is mended is what it was; until then nothing is folded, also not what fits in number only.
#[tokio::test]
async fn a_group_that_halted_over_its_feed_goes_on_when_that_is_mended() {
    let views = tempfile::tempdir().unwrap();
    let event = |n| record(Position(n), business(n), &word("w"));
    let feed = Arc::new(MemoryFeed::new(1, [1, 2].map(event).to_vec()));
    let mut often = options(views.path());
    often.runner.halted_look = Duration::from_millis(1);
    let group = ProjectionGroup::start(often, counting, feed.clone()).await.unwrap();
    let mut health = group.health();
    soon(group.reader().wait_published(Position(2))).await;

    feed.replace([1, 2, 4].map(event).to_vec());
    feed.push(business(5), &word("w"));
    assert_eq!(reason(&group).await, "halted: the feed has a hole: position 4 comes after 2");
    // Other events in the same places: it is looked at again and again, and refused.
    let mut other = [1, 2, 3, 4, 5].map(event).to_vec();
    other[1].header.event_id = EventId(Uuid::nil());
    feed.replace(other);
    let begun = feed.reads.load(Ordering::SeqCst);
    let looks = async {
        while feed.reads.load(Ordering::SeqCst) < begun + 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looks).await.expect("it is looked at");
    assert!(matches!(&*health.borrow(), GroupHealth::Halted { .. }), "{:?}", health.borrow());
    assert_eq!(group.status().published, Position(2));

    feed.replace([1, 2, 3, 4, 5].map(event).to_vec());
    soon(group.reader().wait_published(Position(5))).await;
    soon(health.wait_for(|health| *health == GroupHealth::Live)).await;
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&serving_folder(views.path()), &options(views.path()).store).unwrap();
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 100).await);
}

#[tokio::test]
async fn views_of_another_journal_are_refused() {
    // Given: views that have come to position 3.
    let views = tempfile::tempdir().unwrap();
    let log: Vec<_> = (1..=3).map(|n| record(Position(n), business(n), &word("w"))).collect();
    let feed = Arc::new(MemoryFeed::new(1, log.clone()));
    let group = start(views.path(), &feed).await;
    soon(group.reader().wait_published(Position(3))).await;
    group.shutdown().await;

    let refusal =
        async |feed: MemoryFeed| match ProjectionGroup::start(options(views.path()), counting, Arc::new(feed)).await {
            Err(GroupError::Store(StoreError::Foreign { reason })) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it started"),
        };
    let other_journal = refusal(MemoryFeed::new(2, log.clone())).await;
    assert!(other_journal.contains("they follow journal"), "{other_journal}");
    let behind = refusal(MemoryFeed::new(1, log[..2].to_vec())).await;
    assert!(behind.contains("position 3, the journal ends at 2"), "{behind}");
    let mut forked = log.clone();
    forked[2].header.event_id = EventId(Uuid::from_u64_pair(7, 7));
    let forked = refusal(MemoryFeed::new(1, forked)).await;
    assert!(forked.contains("the journal has event"), "{forked}");

    // And the right one still goes on.
    let feed = Arc::new(MemoryFeed::new(1, log));
    let position = feed.push(business(1), &word("on"));
    soon(start(views.path(), &feed).await.reader().wait_published(position)).await;
}

/// The journal was put back to an earlier state, and what carries its events elsewhere still has the later ones.
#[tokio::test]
async fn views_ahead_of_their_journal_are_refused_though_a_copy_of_it_has_all() {
    let views = tempfile::tempdir().unwrap();
    let log: Vec<_> = (1..=3).map(|n| record(Position(n), business(n), &word("w"))).collect();
    let copy = Arc::new(MemoryFeed::new(1, log.clone()));
    let group = start(views.path(), &copy).await;
    soon(group.reader().wait_published(Position(3))).await;
    group.shutdown().await;

    let journal = Arc::new(MemoryFeed::new(1, log[..2].to_vec()));
    match ProjectionGroup::start(options(views.path()), counting, Followed::copy(copy, journal)).await {
        Err(GroupError::Store(StoreError::Foreign { reason })) => {
            assert!(reason.contains("position 3, the journal ends at 2"), "{reason}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

/// What carries the events is being filled anew: that passes, and the views need no repair.
#[tokio::test]
async fn views_wait_for_a_copy_that_is_behind_them() {
    let views = tempfile::tempdir().unwrap();
    let log: Vec<_> = (1..=3).map(|n| record(Position(n), business(n), &word("w"))).collect();
    let journal = Arc::new(MemoryFeed::new(1, log.clone()));
    let group = start(views.path(), &journal).await;
    soon(group.reader().wait_published(Position(3))).await;
    group.shutdown().await;

    let copy = Arc::new(MemoryFeed::new(1, log[..1].to_vec()));
    let followed = Followed::copy(copy.clone(), journal);
    let group = ProjectionGroup::start(options(views.path()), counting, followed).await.unwrap();
    let words = reason(&group).await;
    assert!(words.starts_with("stalled: ") && words.contains("has come to 1 only"), "{words}");
    assert_eq!(group.status().published, Position(3), "what there is can be read");
    for number in 2..=4 {
        copy.push(business(number), &word("w"));
    }
    soon(group.reader().wait_published(Position(4))).await;
}

#[tokio::test]
async fn a_full_store_stalls_and_loses_nothing() {
    // Given: a group in a map that is too small.
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let mut small = options(views.path());
    small.store.map_bytes = 256 << 10;
    let group = ProjectionGroup::start(small, counting, feed.clone()).await.unwrap();
    for number in 0..3_000 {
        feed.push(business(number), &word("some word that takes room"));
    }
    let words = reason(&group).await;
    assert!(words.starts_with("stalled: ") && words.contains("full"), "{words}");
    assert!(group.status().published < Position(3_000));
    group.shutdown().await;

    // When there is room, it goes on.
    let group = start(views.path(), &feed).await;
    soon(group.reader().wait_published(Position(3_000))).await;
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&serving_folder(views.path()), &options(views.path()).store).unwrap();
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 1_000).await);
}

#[tokio::test]
async fn a_feed_that_fails_is_asked_again() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let group = start(views.path(), &feed).await;
    let mut health = group.health();
    feed.failures.store(5, Ordering::SeqCst);
    let position = feed.push(business(1), &word("w"));
    health.wait_for(|health| matches!(health, GroupHealth::Stalled { .. })).await.unwrap();
    soon(group.reader().wait_published(position)).await;
    health.wait_for(|health| *health == GroupHealth::Live).await.unwrap();
    assert_eq!(feed.failures.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_halts_the_group_only() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let group = start(views.path(), &feed).await;
    let position = feed.push(business(1), &word("w"));
    soon(group.reader().wait_published(position)).await;
    feed.push(business(1), &word("panic"));
    assert_eq!(reason(&group).await, "halted: the projection panicked: told to panic");
    assert!(group.reader().get(&row_key(business(1))).await.unwrap().is_some(), "what was there is still read");
    group.shutdown().await;
}

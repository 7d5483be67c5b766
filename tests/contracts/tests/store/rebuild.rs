//! A generation made beside the one that is served.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::{Position, RecordedEvent};
use projectors::{
    GroupHandle, GroupHealth, LmdbProjectionStore, ProjectionGroup, ProjectionStore, RebuildPhase, RebuildRefused,
    RebuildStatus,
};
use views::{Row, ViewSource};

use crate::counting::{Counting, VERSION, row_key};
use crate::memory_feed::{MemoryFeed, business, record, word};
use crate::runner::{mixed_log, options, replayed, serving_folder, soon, start};

async fn start_version(views: &Path, feed: &Arc<MemoryFeed>, version: u32) -> GroupHandle {
    let projection = move || Box::new(Counting::of_version(version)) as Box<_>;
    ProjectionGroup::start(options(views), projection, feed.clone()).await.unwrap()
}

/// Each has a switch, at which the new generation is to be some events behind.
const REBUILDS: usize = 3;
/// So that it is.
const EVENT_TAKES: Duration = Duration::from_micros(500);

/// Nothing in it is refused.
fn plain_log(events: u64) -> Vec<RecordedEvent> {
    (1..=events).map(|number| record(Position(number), business(number % 25), &word("word"))).collect()
}

/// Waits until a rebuild has ended, and how.
async fn ended(group: &GroupHandle, generation: u32) -> RebuildStatus {
    let mut rebuild = group.rebuilding();
    let over = |status: &Option<RebuildStatus>| {
        let over = |s: &RebuildStatus| matches!(s.phase, RebuildPhase::Finished | RebuildPhase::Failed);
        status.as_ref().is_some_and(|status| status.generation == generation && over(status))
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), rebuild.wait_for(over)).await;
    ended.expect("the rebuild did not end").unwrap().clone().unwrap()
}

async fn live(group: &GroupHandle) {
    group.health().wait_for(|health| *health == GroupHealth::Live).await.unwrap();
}

async fn body(group: &GroupHandle, number: u64) -> String {
    let row = group.views().current().get(&row_key(business(number))).await.unwrap().unwrap();
    String::from_utf8(row.body.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_made_anew_are_the_same_and_nobody_who_reads_notices() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, mixed_log(1, 300)));
    let projection = || {
        let mut counting = Counting::default();
        if std::thread::current().name().is_some_and(|name| name.contains("rebuild")) {
            counting.event_takes = EVENT_TAKES;
        }
        Box::new(counting) as Box<_>
    };
    let group = ProjectionGroup::start(options(views.path()), projection, feed.clone()).await.unwrap();
    live(&group).await;

    // Given: reads and writes all the while.
    let over = Arc::<AtomicBool>::default();
    let (source, reading) = (group.views(), over.clone());
    let reads = tokio::spawn(async move {
        let mut last = Position::ZERO;
        while !reading.load(Ordering::Relaxed) {
            let reader = source.current();
            let published = reader.status().published;
            assert!(published >= last, "views went back from {last} to {published}");
            assert!(reader.get(&row_key(business(1))).await.unwrap().is_some());
            last = published;
            tokio::task::yield_now().await;
        }
    });
    let (writer, writing) = (feed.clone(), over.clone());
    let writes = tokio::spawn(async move {
        for number in 0.. {
            if writing.load(Ordering::Relaxed) {
                break;
            }
            writer.push(business(number % 7), &word("later"));
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    });

    for _ in 0..REBUILDS {
        // When: everything is made anew.
        let before = serving_folder(views.path());
        let begun = group.rebuild().await.unwrap();
        assert_eq!(begun.phase, RebuildPhase::Folding);
        assert!(matches!(group.rebuild().await, Err(RebuildRefused::UnderWay)));
        let status = ended(&group, begun.generation).await;

        // Then: it is served, equal byte for byte, and the old files are gone.
        assert_eq!(status.phase, RebuildPhase::Finished);
        let difference = status.difference.unwrap();
        assert_eq!((difference.count(), difference.first_position), (0, difference.second_position), "{difference:?}");
        assert!(difference.rows_equal() > 0);
        let after = serving_folder(views.path());
        assert!(after != before && after.exists() && !before.exists());
    }
    over.store(true, Ordering::Relaxed);
    writes.await.unwrap();
    reads.await.unwrap();
    let after = serving_folder(views.path());
    let last = feed.push(business(1), &word("last"));
    soon(group.views().wait_published(last)).await;
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&after, &options(views.path()).store).unwrap();
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 100).await);
}

/// Of the calling thread; the 19th field of proc(5), counted behind the name, which may contain anything.
#[cfg(target_os = "linux")]
fn niceness() -> i64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_rebuild_lets_others_go_first_and_what_is_served_does_not() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(100)));
    let seen = Arc::<std::sync::Mutex<Vec<(String, i64)>>>::default();
    let seeing = seen.clone();
    // Made by the thread that folds.
    let projection = move || {
        let name = std::thread::current().name().unwrap().to_owned();
        seeing.lock().unwrap().push((name, niceness()));
        Box::new(Counting::default()) as Box<_>
    };
    let group = ProjectionGroup::start(options(views.path()), projection, feed).await.unwrap();
    live(&group).await;
    let begun = group.rebuild().await.unwrap();
    ended(&group, begun.generation).await;
    live(&group).await;
    group.shutdown().await;

    let seen = seen.lock().unwrap();
    let own = niceness();
    let of = |rebuilds: bool| {
        seen.iter().filter(move |(name, _)| name.contains("rebuild-fold") == rebuilds).map(|(_, nice)| *nice)
    };
    assert!(of(true).count() > 0 && of(true).all(|nice| nice == own.max(10)), "{seen:?}");
    // One before the rebuild, and one that goes on with what it made.
    assert!(of(false).count() >= 2 && of(false).all(|nice| nice == own), "{seen:?}");
}

#[tokio::test]
async fn a_row_that_is_wrong_is_found_and_mended() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(100)));
    let group = start(views.path(), &feed).await;
    live(&group).await;
    group.shutdown().await;
    let store = LmdbProjectionStore::open(&serving_folder(views.path()), &options(views.path()).store).unwrap();
    let checkpoint = store.checkpoint().unwrap().unwrap();
    let wrong = Row { version: Position(1), body: "wrong".into() };
    let mut changes = projectors::Changes::default();
    changes.rows.push((row_key(business(1)).to_bytes(), Some(wrong)));
    store.commit(&changes, &checkpoint).unwrap();
    drop(store);

    let group = start(views.path(), &feed).await;
    assert_eq!(body(&group, 1).await, "wrong");
    group.rebuild().await.unwrap();
    let difference = ended(&group, 2).await.difference.unwrap();
    assert_eq!((difference.rows["reference"].changed, difference.state.differing()), (1, 0), "{difference:?}");
    assert_ne!(body(&group, 1).await, "wrong");
}

#[tokio::test]
async fn another_version_of_the_projection_makes_its_rows_while_the_old_ones_are_served() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(2_000)));
    let group = start(views.path(), &feed).await;
    live(&group).await;
    let old = body(&group, 1).await;
    group.shutdown().await;
    let last = feed.push(business(1), &word("last"));

    // When: a program with another version starts.
    let group = start_version(views.path(), &feed, VERSION + 1).await;
    // Then: the old rows are served and say that they stay as they are.
    let status = group.status();
    assert!(status.frozen && status.published < last);
    assert_eq!(*group.health().borrow(), GroupHealth::Rebuilding);
    assert_eq!(body(&group, 1).await, old);
    // And then the new ones.
    soon(group.views().wait_published(last)).await;
    let status = ended(&group, 2).await;
    assert!(body(&group, 1).await.ends_with("by version 3"));
    assert!(!group.status().frozen);
    let difference = status.difference.unwrap();
    assert_eq!(difference.first_position, last.0 - 1, "compared where the old ones are");
    assert_eq!(difference.first_position, difference.second_position);
    assert_eq!((difference.rows_equal(), difference.state.differing()), (0, 0), "every row says its version");
    live(&group).await;
}

#[tokio::test]
async fn a_new_version_that_fails_leaves_the_old_rows_in_place() {
    let views = tempfile::tempdir().unwrap();
    let mut log = plain_log(100);
    let next = log.last().unwrap().position.next();
    log.push(record(next, business(1), &word("panic later")));
    let feed = Arc::new(MemoryFeed::new(1, log));
    let group = start(views.path(), &feed).await;
    live(&group).await;
    let old = body(&group, 1).await;
    group.shutdown().await;

    let group = start_version(views.path(), &feed, VERSION + 1).await;
    let status = ended(&group, 2).await;
    assert_eq!(status.phase, RebuildPhase::Failed);
    assert!(status.failure.unwrap().contains("told to panic later"));
    group.health().wait_for(|health| matches!(health, GroupHealth::Halted { .. })).await.unwrap();
    assert_eq!(body(&group, 1).await, old);
    group.shutdown().await;

    // And: the program of before goes on with them.
    let group = start(views.path(), &feed).await;
    let last = feed.push(business(1), &word("after all"));
    soon(group.views().wait_published(last)).await;
}

#[tokio::test]
async fn a_rebuild_that_was_broken_off_goes_on_at_the_next_start() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(100)));
    let group = start(views.path(), &feed).await;
    live(&group).await;
    // Given: a rebuild that cannot read.
    feed.failures.store(usize::MAX, Ordering::SeqCst);
    group.rebuild().await.unwrap();
    group.shutdown().await;
    feed.failures.store(0, Ordering::SeqCst);

    let group = start(views.path(), &feed).await;
    // Whoever asks first is not told that nothing is under way.
    assert!(group.rebuilding().borrow().as_ref().is_some_and(|status| status.generation == 2));
    assert_eq!(ended(&group, 2).await.difference.unwrap().count(), 0);
    assert!(serving_folder(views.path()).ends_with("counting-2"));
}

#[tokio::test]
async fn a_group_that_is_paused_folds_nothing_and_serves_what_it_has() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(100)));
    let group = start(views.path(), &feed).await;
    live(&group).await;
    group.pause().await;
    group.health().wait_for(|health| *health == GroupHealth::Paused).await.unwrap();
    let published = group.status().published;
    let last = feed.push(business(1), &word("last"));
    assert!(matches!(group.rebuild().await, Err(RebuildRefused::Paused)));
    assert!(group.views().current().get(&row_key(business(1))).await.unwrap().is_some());
    assert_eq!(group.status().published, published);
    group.resume().await;
    soon(group.views().wait_published(last)).await;
    live(&group).await;
}

#[tokio::test]
async fn what_was_never_served_is_removed() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, plain_log(10)));
    let folder = |name: &str| views.path().join(name);
    let others = ["counting-1", "counting-7", "counting-x", "countings-1"];
    others.iter().for_each(|other| std::fs::create_dir(folder(other)).unwrap());
    let group = start(views.path(), &feed).await;
    live(&group).await;
    let left: Vec<_> = others.iter().map(|other| folder(other).exists()).collect();
    assert_eq!(left, [true, false, true, true], "the first one is made, and nothing of others is touched");
}

//! What is set aside, what waits behind it, and how an operator goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use events::{Position, StreamId};
use projectors::{LmdbProjectionStore, StoreOptions, list_parked};
use views::ViewReader;

use crate::counting::{GROUP, row_key};
use crate::memory_feed::{MemoryFeed, business, record, skip, word};
use crate::runner::serving_folder;
use crate::runner::{options, replayed, soon, start};

#[tokio::test]
async fn a_poisonous_event_parks_its_stream_until_it_is_skipped() {
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let group = start(views.path(), &feed).await;
    let body = async |group: &projectors::GroupHandle, number| {
        let row = group.reader().get(&row_key(business(number))).await.unwrap().unwrap();
        (row.version.0, String::from_utf8(row.body.to_vec()).unwrap())
    };

    // Given: an event that cannot be folded, with others behind it and beside it.
    feed.push(business(1), &word("a"));
    let poison = feed.push(business(1), &word("poison"));
    feed.push(business(1), &word("b"));
    feed.push(business(2), &word("c"));
    let second_poison = feed.push(business(1), &word("poison"));
    let last = feed.push(business(1), &word("d"));
    soon(group.reader().wait_published(last)).await;

    // Then: its stream waits, the rest has gone on, and everyone can see it.
    assert_eq!(body(&group, 1).await, (1, "1 a ".to_owned()));
    assert_eq!(body(&group, 2).await, (4, "1 c ".to_owned()));
    assert_eq!(*group.status().parked, BTreeSet::from([business(1)]));
    let parked = group.parked().unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].stream, parked[0].position, parked[0].queued), (business(1), poison, 3));
    assert_eq!((parked[0].event_type.as_str(), parked[0].error.as_str()), ("BusinessRemoved", "it is poison"));

    // When: it is skipped, after a restart. The queue is folded up to the next one that cannot be.
    group.shutdown().await;
    let group = start(views.path(), &feed).await;
    assert_eq!(*group.status().parked, BTreeSet::from([business(1)]));
    let skipped = feed.push(StreamId::operations(GROUP), &skip(GROUP, poison));
    soon(group.reader().wait_published(skipped)).await;
    assert_eq!(body(&group, 1).await, (skipped.0, "2 b a ".to_owned()), "marked at the skip's position");
    let parked = group.parked().unwrap();
    assert_eq!((parked[0].position, parked[0].queued), (second_poison, 1));

    // And: skips of other groups, of other positions, or repeated, release nothing.
    feed.push(StreamId::operations("another"), &skip("another", second_poison));
    feed.push(StreamId::operations(GROUP), &skip(GROUP, poison));
    let none = feed.push(StreamId::operations(GROUP), &skip(GROUP, last));
    soon(group.reader().wait_published(none)).await;
    assert_eq!(group.parked().unwrap(), parked);

    // And: the second skip frees the stream.
    let skipped = feed.push(StreamId::operations(GROUP), &skip(GROUP, second_poison));
    let free = feed.push(business(1), &word("e"));
    soon(group.reader().wait_published(free)).await;
    assert_eq!(body(&group, 1).await, (free.0, "4 e d b a ".to_owned()));
    assert!(skipped < free);
    assert!(group.status().parked.is_empty());
    assert!(group.parked().unwrap().is_empty());
    group.shutdown().await;

    // And nothing of it is left in the state.
    let folder = serving_folder(views.path());
    let store = LmdbProjectionStore::open(&folder, &options(views.path()).store).unwrap();
    let mut left = Vec::new();
    store.for_each_state(|key, _| left.extend(key.starts_with(b"!").then(|| key.to_vec()))).unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(store.fingerprint().unwrap(), replayed(feed, || 3).await);
}

#[tokio::test]
async fn bytes_that_nobody_knows_park_their_stream() {
    let mut log: Vec<_> = (1..=4).map(|n| record(Position(n), business(n % 2), &word("w"))).collect();
    log[0].payload = vec![0xff; 9];
    log[1].header.event_type = "NeverHeardOf".to_owned();
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, log));
    let group = start(views.path(), &feed).await;
    soon(group.reader().wait_published(Position(4))).await;
    let parked = group.parked().unwrap();
    let seen: Vec<_> = parked.iter().map(|p| (p.stream, p.position.0, p.queued)).collect();
    assert_eq!(seen, [(business(0), 2, 1), (business(1), 1, 1)]);
    assert_eq!(parked[0].error, "unknown event NeverHeardOf v1");
    assert!(parked[1].error.contains("does not decode"), "{}", parked[1].error);
}

#[tokio::test]
async fn a_decision_that_nobody_understands_can_be_skipped_itself() {
    let operations = StreamId::operations(GROUP);
    let mut unknown = record(Position(1), operations, &skip(GROUP, Position(9)));
    unknown.header.schema_version = 99;
    let views = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, vec![unknown]));
    let group = start(views.path(), &feed).await;
    soon(group.reader().wait_published(Position(1))).await;
    assert_eq!(group.parked().unwrap()[0].stream, operations);
    let skipped = feed.push(operations, &skip(GROUP, Position(1)));
    soon(group.reader().wait_published(skipped)).await;
    assert!(group.status().parked.is_empty());
}

#[test]
fn an_empty_store_has_nothing_parked() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbProjectionStore::open(folder.path(), &StoreOptions::default()).unwrap();
    assert_eq!(list_parked(&store).unwrap(), []);
}

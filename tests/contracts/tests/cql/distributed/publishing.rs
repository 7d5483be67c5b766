use std::collections::BTreeSet;

use contracts::keyspace::Keyspace;
use contracts::views::{row, soon};
use events::{JournalId, StreamId, StreamKind, Timestamp};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;
use views::{AsOf, Ordinal, ViewError};

use super::*;

fn keys() -> Vec<RowKey> {
    (0..20).map(|number| RowKey::Card(Ordinal(number))).collect()
}

/// What a row is at a version: removed at every fifth.
fn body(version: u64) -> Option<Vec<u8>> {
    (!version.is_multiple_of(5)).then(|| format!("body of version {version}").into_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_version_never_replaces_a_newer_one() {
    // Given: versions of rows, each of them written more than once, in any order.
    let cql = cql().await;
    let mut random = StdRng::seed_from_u64(5);
    let keys = keys();
    let mut writes: Vec<(usize, u64)> =
        (0..keys.len()).flat_map(|key| (1..=12 + key as u64).flat_map(move |version| [(key, version); 2])).collect();
    writes.shuffle(&mut random);
    // When: they come one after the other, and some at once.
    for some in writes.chunks(7) {
        let rows = some.iter().map(|(key, version)| published(&keys[*key], *version, body(*version).as_deref()));
        cql.publisher.publish_rows(rows.collect()).await.unwrap();
    }
    // Then: of each the last version holds, also where it is that the row was removed.
    let expected: Vec<Option<Row>> =
        (0..keys.len()).map(|key| 12 + key as u64).map(|last| body(last).map(|body| row(last, &body))).collect();
    assert!(expected.contains(&None));
    assert_eq!(cql.reader().multi_get(&keys).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_publishers_at_once_leave_the_newest() {
    // Given: one that is ahead of the other, both publishing the same log.
    let cql = cql().await;
    let keys = keys();
    let other = publisher(&cql.store, VERSION).await;
    let run = async |publisher: &ScyllaViewPublisher, last: u64, seed: u64| {
        let mut random = StdRng::seed_from_u64(seed);
        for position in 1..=last {
            let key = &keys[position as usize % keys.len()];
            publisher.publish_rows(vec![published(key, position, body(position).as_deref())]).await.unwrap();
            if random.random_bool(0.3) || position == last {
                publisher.publish(&up_to(position)).await.unwrap();
            }
        }
    };
    // When: they do it at once, and afterwards one that had slept does what it was about to do.
    tokio::join!(run(&cql.publisher, 300, 1), run(&other, 180, 2));
    let zombie = published(&keys[17], 17, Some(b"of a zombie"));
    other.publish_rows(vec![zombie]).await.unwrap();
    other.publish(&up_to(17)).await.unwrap();
    // Then: what the one that was ahead has written.
    assert_eq!(cql.publisher.published().await.unwrap(), Some(up_to(300)));
    let newest = |key: usize| (281..=300).find(|position| position % keys.len() == key).unwrap();
    let expected: Vec<_> = (0..keys.len())
        .map(|key| newest(key) as u64)
        .map(|position| body(position).map(|body| row(position, &body)))
        .collect();
    assert_eq!(cql.reader().multi_get(&keys).await.unwrap(), expected);
    soon(cql.views.wait_published(Position(300))).await.unwrap();
    assert_eq!(cql.reader().status().published, Position(300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_a_publication_is_read_as_it_was_said() {
    let cql = cql().await;
    assert_eq!(cql.reader().as_of(), AsOf::Unknown);
    let streams = [1, 2].map(|id| StreamId { kind: StreamKind::Business, id: Uuid::from_u128(id) });
    let said = Publication {
        parked: Arc::new(BTreeSet::from(streams)),
        as_of: Some(Timestamp(1_700_000_000_000_000)),
        ..up_to(9)
    };
    cql.publisher.publish(&said).await.unwrap();
    soon(cql.views.wait_published(Position(9))).await.unwrap();
    let reader = cql.reader();
    assert_eq!(reader.as_of(), AsOf::Time(Timestamp(1_700_000_000_000_000)));
    assert_eq!(reader.status().parked, said.parked);
    // At the same position the later time holds, whoever says it last; and readers keep what they may have.
    let times =
        [0, 7, 3].map(|more| Publication { as_of: Some(Timestamp(1_700_000_000_000_000 + more)), ..said.clone() });
    for said in times {
        cql.publisher.publish(&Publication { served: false, ..said }).await.unwrap();
    }
    let found = cql.publisher.published().await.unwrap().unwrap();
    assert_eq!(found, Publication { as_of: Some(Timestamp(1_700_000_000_000_007)), ..said });
    // Also further on: one that is ahead and does not know yet takes nothing back.
    cql.publisher.publish(&Publication { served: false, ..up_to(10) }).await.unwrap();
    assert_eq!(cql.publisher.published().await.unwrap(), Some(up_to(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_another_journal_are_refused() {
    let cql = cql().await;
    let other = JournalId(Uuid::from_u128(0xbad));
    for version in [VERSION, VERSION + 1] {
        let refused = ScyllaViewPublisher::open(cql.store.clone(), GROUP, version, other).await;
        assert!(matches!(refused, Err(ViewError::Foreign { .. })), "as version {version}");
    }
    let refused = CqlViews::open(cql.store.clone(), CqlGroup { journal_id: Some(other), ..group() }).await;
    assert!(matches!(refused, Err(ViewError::Foreign { .. })));
    // Whoever does not say whose they are is told.
    let any = CqlViews::open(cql.store.clone(), CqlGroup { journal_id: None, ..group() }).await.unwrap();
    assert_eq!(any.current().status().journal_id, contracts::views::JOURNAL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_before_a_generation_is_served() {
    let keyspace = Keyspace::new();
    let store = keyspace.connect().await;
    let Err(ViewError::Unavailable { .. }) = CqlViews::open(store.clone(), group()).await else {
        panic!("there is not even a keyspace");
    };
    let publisher = publisher(&store, VERSION).await;
    assert_eq!(publisher.published().await.unwrap(), None);
    publisher.publish(&Publication { served: false, ..up_to(5) }).await.unwrap();
    let Err(ViewError::Unavailable { .. }) = CqlViews::open(store.clone(), group()).await else {
        panic!("it is being made");
    };
    publisher.publish(&up_to(5)).await.unwrap();
    assert!(CqlViews::open(store, group()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_change_over_to_the_generation_that_is_served() {
    // Given: a generation that is served, another one beside it, and some who wait.
    let cql = cql().await;
    let key = RowKey::Card(Ordinal(1));
    cql.publisher.publish_rows(vec![published(&key, 3, Some(b"by the old rules"))]).await.unwrap();
    cql.publisher.publish(&up_to(3)).await.unwrap();
    soon(cql.views.wait_published(Position(3))).await.unwrap();
    let next = publisher(&cql.store, VERSION + 1).await;
    next.publish_rows(vec![published(&key, 3, Some(b"by the new rules"))]).await.unwrap();
    next.publish(&Publication { served: false, ..up_to(4) }).await.unwrap();
    let before = cql.reader();
    let views = &cql.views;
    let waiting = join_all((0..3).map(|_| soon(views.wait_published(Position(5)))));
    // When
    let served = async {
        next.publish(&up_to(5)).await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, served);
    // Then: who waited is told, who reads reads the new rows, and a request that had begun goes on with the old ones.
    waited.into_iter().for_each(|waited| waited.unwrap());
    assert_eq!(cql.reader().get(&key).await.unwrap().unwrap().body, &b"by the new rules"[..]);
    assert_eq!(before.get(&key).await.unwrap().unwrap().body, &b"by the old rules"[..]);
    assert_eq!((before.status().published, cql.reader().status().published), (Position(3), Position(5)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_go_back_to_change_over() {
    // Given: a generation that is further than the one that is served besides it.
    let mut cql = cql().await;
    cql.put(Vec::new(), Position(9)).await;
    let next = publisher(&cql.store, VERSION + 1).await;
    assert_eq!(next.readers_have().await.unwrap(), Some(Position(9)));
    next.publish(&up_to(5)).await.unwrap();
    // When: both go on. Then: readers follow the old one until the new one has come as far.
    let (views, mut last) = (&cql.views, Position::ZERO);
    for (old, new) in [(12, 7), (13, 13)] {
        cql.publisher.publish(&up_to(old)).await.unwrap();
        next.publish(&up_to(new)).await.unwrap();
        soon(views.wait_published(Position(old))).await.unwrap();
        let published = views.current().status().published;
        assert!(published >= last, "from {last} back to {published}");
        last = published;
    }
    next.publish(&up_to(14)).await.unwrap();
    soon(views.wait_published(Position(14))).await.unwrap();
}

/// Restored from a backup, say: nobody is told that rows are newer than they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_went_back_is_not_taken_for_what_it_was() {
    let keyspace = Keyspace::new();
    let cql = cql_in(keyspace).await;
    cql.publisher.publish(&up_to(50)).await.unwrap();
    soon(cql.views.wait_published(Position(50))).await.unwrap();
    cql.wipe_published().await;
    cql.publisher.publish(&up_to(20)).await.unwrap();
    let reader = cql.reader();
    soon(async {
        while reader.status().published != Position(20) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_keyspace_that_changes_hands_is_read_no_more() {
    // Given: somebody who reads the views of a journal.
    let mut cql = cql().await;
    let key = RowKey::Card(Ordinal(1));
    cql.put(vec![(key.clone(), Some(row(1, b"ours")))], Position(1)).await;
    let mut trouble = cql.views.trouble();
    assert_eq!(*trouble.borrow(), None);
    // When: nothing is said to be published any more, then that is told, and the rows are what they were.
    cql.wipe_published().await;
    soon(trouble.wait_for(|trouble| trouble.as_ref().is_some_and(|reason| reason.contains("are published"))))
        .await
        .unwrap();
    assert_eq!(cql.reader().get(&key).await.unwrap(), Some(row(1, b"ours")));
    // When: another journal's are. Then: nobody reads them.
    let other = JournalId(Uuid::now_v7());
    let theirs = ScyllaViewPublisher::open(cql.store.clone(), GROUP, VERSION, other).await.unwrap();
    theirs.publish_rows(vec![published(&key, 2, Some(b"theirs"))]).await.unwrap();
    theirs.publish(&Publication { journal_id: other, ..up_to(2) }).await.unwrap();
    let foreign = format!("holds views of journal {other}");
    soon(trouble.wait_for(|trouble| trouble.as_ref().is_some_and(|reason| reason.contains(&foreign)))).await.unwrap();
    let read = cql.reader().get(&key).await;
    assert!(matches!(read, Err(ViewError::Unavailable { .. })), "{read:?}");
    // When: it is ours again. Then: it is read again.
    cql.wipe_published().await;
    cql.put(vec![(key.clone(), Some(row(3, b"ours again")))], Position(3)).await;
    soon(trouble.wait_for(Option::is_none)).await.unwrap();
    assert_eq!(cql.reader().get(&key).await.unwrap(), Some(row(3, b"ours again")));
}

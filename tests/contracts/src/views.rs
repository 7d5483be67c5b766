//! The laws of `ViewReader`, run unchanged against every store of finished rows.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::{JournalId, Position};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;
use views::{BlockEnd, EntryKey, ListId, Ordinal, Partition, Row, RowKey, Sort, Tree, ViewReader};

/// Long enough for any machine; it is only ever waited out by a law that is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// The journal whose views a harness holds.
pub const JOURNAL: JournalId = JournalId(Uuid::from_u128(0x1a1));

/// A store of finished rows that nobody else has.
#[async_trait]
pub trait ViewsHarness: Send {
    /// Reads it. The harness gives the same reader again and again.
    fn reader(&self) -> Arc<dyn ViewReader>;

    /// Stores rows, or with `None` that they are removed, and says that rows are right up to a position.
    async fn put(&mut self, rows: Vec<(RowKey, Option<Row>)>, published: Position);
}

/// Makes a test of every law, for the harness that a function makes.
#[macro_export]
macro_rules! view_laws {
    ($factory:path) => {
        $crate::view_laws! { @each $factory;
            a_range_ends_with_its_partition,
            what_was_written_last_is_read,
            removed_rows_are_gone,
            any_bytes_are_a_body,
            waiting_ends_with_the_position,
        }
    };
    (@each $factory:path; $($law:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                $crate::views::$law($factory().await).await;
            }
        )+
    };
}

/// A row with these words as its body.
pub fn row(version: u64, body: &[u8]) -> Row {
    Row { version: Position(version), body: body.to_vec().into() }
}

fn list(category: u64) -> ListId {
    ListId { category: Some(Ordinal(category)), location: None, sort: Sort::Best }
}

fn child(parent: Option<u64>, slug: &str) -> RowKey {
    RowKey::Child { tree: Tree::Category, parent: parent.map(Ordinal), slug: slug.to_owned() }
}

/// A range has the rows of its partition, in order, from a place on, and no more than were asked for.
pub async fn a_range_ends_with_its_partition(mut harness: impl ViewsHarness) {
    let keys = [child(None, "a"), child(None, "b"), child(Some(1), "c"), child(Some(1), "d"), child(Some(2), "e")];
    let tail = RowKey::Block(list(1), BlockEnd::Tail);
    let all = keys.iter().chain([&tail]).map(|key| (key.clone(), Some(row(1, &key.clustering()))));
    harness.put(all.collect(), Position(1)).await;
    let reader = harness.reader();

    let top = Partition::Children(Tree::Category, None);
    let below = Partition::Children(Tree::Category, Some(Ordinal(1)));
    let slugs = async |partition, from: &str, limit| {
        let found = reader.range(partition, from.as_bytes(), limit).await.unwrap();
        found
            .into_iter()
            .map(|(clustering, row)| {
                assert_eq!(clustering, row.body, "the clustering part is what follows the prefix");
                String::from_utf8(clustering).unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(slugs(top, "", 10).await, ["a", "b"]);
    assert_eq!(slugs(below, "", 10).await, ["c", "d"]);
    assert_eq!(slugs(below, "ca", 10).await, ["d"]);
    assert_eq!(slugs(below, "", 1).await, ["c"]);
    assert!(slugs(below, "", 0).await.is_empty());
    assert!(slugs(below, "e", 10).await.is_empty());
    assert_eq!(reader.range(Partition::List(list(1)), &[], 9).await.unwrap().len(), 1);
    assert!(reader.range(Partition::List(list(2)), &[], 9).await.unwrap().is_empty());

    let keys = [keys[3].clone(), RowKey::Card(Ordinal(9)), keys[0].clone(), keys[3].clone()];
    let found = reader.multi_get(&keys).await.unwrap();
    assert_eq!(found, [Some(row(1, b"d")), None, Some(row(1, b"a")), Some(row(1, b"d"))]);
    assert_eq!(reader.get(&keys[2]).await.unwrap(), found[2]);
    assert_eq!(reader.get(&keys[1]).await.unwrap(), None);
}

/// Batch after batch; after each of them every row is that of its last batch. Rows of all kinds, in no order.
pub async fn what_was_written_last_is_read(mut harness: impl ViewsHarness) {
    let list = list(3);
    let mut keys = Vec::new();
    for number in 0..40 {
        keys.extend([RowKey::Page(Ordinal(number)), RowKey::Card(Ordinal(number))]);
        keys.extend([RowKey::Node(Tree::Location, Ordinal(number)), RowKey::Reference(format!("business-{number}"))]);
        keys.push(RowKey::Block(list, BlockEnd::Entry(EntryKey::best(7, Ordinal(number + 1)))));
    }
    let mut random = StdRng::seed_from_u64(11);
    let mut expected = vec![None; keys.len()];
    for batch in 1..=6 {
        let mut some: Vec<usize> = (0..keys.len()).collect();
        some.shuffle(&mut random);
        some.truncate(random.random_range(1..keys.len()));
        let rows = some.iter().map(|number| (keys[*number].clone(), Some(row(batch, &[batch as u8; 9]))));
        harness.put(rows.collect(), Position(batch)).await;
        some.iter().for_each(|number| expected[*number] = Some(row(batch, &[batch as u8; 9])));
        assert_eq!(harness.reader().multi_get(&keys).await.unwrap(), expected, "after batch {batch}");
        let blocks = harness.reader().range(Partition::List(list), &[], keys.len()).await.unwrap();
        let of_list = |(key, row): (&RowKey, &Option<Row>)| {
            Some((key.clustering(), row.clone()?)).filter(|_| key.partition() == Some(Partition::List(list)))
        };
        assert_eq!(blocks, keys.iter().zip(&expected).filter_map(of_list).collect::<Vec<_>>());
    }
}

/// A removed row is read by none of the ways to read; a range has as many others as were asked for. It may come back.
pub async fn removed_rows_are_gone(mut harness: impl ViewsHarness) {
    let keys: Vec<RowKey> = (0..60).map(|number| child(Some(4), &format!("slug-{number:02}"))).collect();
    let all = keys.iter().map(|key| (key.clone(), Some(row(1, &key.clustering()))));
    harness.put(all.collect(), Position(1)).await;
    // When: only the last ten are left.
    harness.put(keys[..50].iter().map(|key| (key.clone(), None)).collect(), Position(2)).await;

    let reader = harness.reader();
    let partition = Partition::Children(Tree::Category, Some(Ordinal(4)));
    let slugs = async |limit| {
        let found = reader.range(partition, b"", limit).await.unwrap();
        found.into_iter().map(|(clustering, _)| clustering).collect::<Vec<_>>()
    };
    assert_eq!(slugs(1).await, [keys[50].clustering()]);
    assert_eq!(slugs(3).await, keys[50..53].iter().map(RowKey::clustering).collect::<Vec<_>>());
    assert_eq!(slugs(100).await, keys[50..].iter().map(RowKey::clustering).collect::<Vec<_>>());
    assert_eq!(reader.get(&keys[7]).await.unwrap(), None);
    assert_eq!(reader.multi_get(&keys[49..51]).await.unwrap()[0], None);
    assert!(reader.multi_get(&keys[49..51]).await.unwrap()[1].is_some());
    // And: one that was removed before it was ever there.
    let never = child(Some(4), "never");
    harness.put(vec![(never.clone(), None), (keys[7].clone(), Some(row(3, b"again")))], Position(3)).await;
    assert_eq!(harness.reader().get(&never).await.unwrap(), None);
    assert_eq!(harness.reader().get(&keys[7]).await.unwrap(), Some(row(3, b"again")));
}

/// Empty ones, large ones, and those that are no text.
pub async fn any_bytes_are_a_body(mut harness: impl ViewsHarness) {
    let bodies = [Vec::new(), vec![0], vec![0xff; 100_000], (0..=255).collect()];
    let keys: Vec<RowKey> = (0..4).map(|number| RowKey::Page(Ordinal(number))).collect();
    let rows = keys.iter().zip(&bodies).map(|(key, body)| (key.clone(), Some(row(1, body))));
    harness.put(rows.collect(), Position(1)).await;
    let found = harness.reader().multi_get(&keys).await.unwrap();
    for (found, body) in found.into_iter().zip(bodies) {
        assert_eq!(found.unwrap().body, body);
    }
}

/// Whoever waits for a position goes on when rows are right up to it, and not before.
pub async fn waiting_ends_with_the_position(mut harness: impl ViewsHarness) {
    harness.put(Vec::new(), Position(5)).await;
    let reader = harness.reader();
    soon(reader.wait_published(Position(5))).await.unwrap();
    assert_eq!((reader.status().published, reader.status().journal_id), (Position(5), JOURNAL));
    let waiting = tokio::spawn(async move {
        reader.wait_published(Position(8)).await.unwrap();
        reader.status().published
    });
    for position in 6..=8 {
        assert!(!waiting.is_finished(), "before position {position} was published");
        harness.put(vec![(RowKey::Page(Ordinal(position)), Some(row(position, b"")))], Position(position)).await;
    }
    assert_eq!(soon(waiting).await.unwrap(), Position(8));
}

/// What this gives, before the test has waited too long.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it takes too long")
}

//! The store without any runner.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::store_model::{StoreModel, batch};
use events::{JournalId, Position};
use projectors::{Changes, LmdbProjectionStore, ProjectionStore, StoreError, StoreOptions, StoreReader};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use uuid::Uuid;
use views::{Ordinal, Partition, Row, RowKey, Tree, ViewReader, ViewStatus};

fn open(folder: &Path, map_bytes: usize) -> Result<LmdbProjectionStore, StoreError> {
    LmdbProjectionStore::open(folder, &StoreOptions { map_bytes, ..StoreOptions::default() })
}

/// All that a store holds.
pub(crate) fn content(store: &LmdbProjectionStore) -> StoreModel {
    let mut found = StoreModel::default();
    store.for_each_row(|key, row| drop(found.rows.insert(key.to_vec(), row))).unwrap();
    store.for_each_state(|key, value| drop(found.state.insert(key.to_vec(), value.to_vec()))).unwrap();
    found
}

fn row(version: u64, body: &[u8]) -> Row {
    Row { version: Position(version), body: body.to_vec().into() }
}

fn rows(rows: impl IntoIterator<Item = (RowKey, Option<Row>)>) -> Changes {
    let mut rows: Vec<_> = rows.into_iter().map(|(key, row)| (key.to_bytes(), row)).collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    Changes { rows, ..Changes::default() }
}

fn status() -> watch::Receiver<ViewStatus> {
    let status = ViewStatus {
        journal_id: JournalId(Uuid::nil()),
        published: Position(0),
        parked: Arc::default(),
        frozen: false,
        recorded_at: None,
    };
    watch::channel(status).1
}

#[test]
fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = StoreModel::default();
    for number in 1..=20 {
        let store = open(folder.path(), 64 << 20).unwrap();
        let (changes, checkpoint) = batch(1, number);
        store.commit(&changes, &checkpoint).unwrap();
        model.apply(changes);
        drop(store);
        let store = open(folder.path(), 64 << 20).unwrap();
        assert!(content(&store) == model, "the content is not what was committed");
        assert_eq!(store.checkpoint().unwrap(), Some(checkpoint));
    }
}

#[test]
fn a_batch_that_does_not_fit_leaves_no_trace() {
    // Given: a store in a small map, filled until it is full.
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 1 << 20).unwrap();
    let mut model = StoreModel::default();
    let mut number = 1;
    let error = loop {
        let (changes, checkpoint) = batch(2, number);
        match store.commit(&changes, &checkpoint) {
            Ok(()) => model.apply(changes),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(number > 3, "nothing fitted");

    // Then: all before is there, nothing of the batch, here and after reopening.
    let checkpoint = store.checkpoint().unwrap();
    assert_eq!(checkpoint, Some(batch(2, number - 1).1));
    assert!(content(&store) == model, "the content is not what was committed");
    drop(store);

    // And with a larger map it goes on.
    let store = open(folder.path(), 64 << 20).unwrap();
    assert_eq!(store.checkpoint().unwrap(), checkpoint);
    assert!(content(&store) == model, "the content is not what was committed");
    for number in number..number + 20 {
        let (changes, checkpoint) = batch(2, number);
        store.commit(&changes, &checkpoint).unwrap();
        model.apply(changes);
    }
    assert!(content(&store) == model, "the content is not what was committed");
}

#[test]
fn a_second_opener_is_refused_until_the_first_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), 1 << 20).unwrap();
    assert!(matches!(open(folder.path(), 1 << 20), Err(StoreError::InUse { .. })));
    let reader = first.view_reader(status());
    drop(first);
    assert!(matches!(open(folder.path(), 1 << 20), Err(StoreError::InUse { .. })), "a reader still has it open");
    drop(reader);
    assert!(open(folder.path(), 1 << 20).is_ok());
}

#[test]
fn how_a_load_is_cut_leaves_no_trace() {
    // Given: rows in one batch, all appended.
    let keys: Vec<_> = (0..3_000).map(|n| RowKey::Page(Ordinal(n))).collect();
    let whole = tempfile::tempdir().unwrap();
    let store = open(whole.path(), 64 << 20).unwrap();
    let checkpoint = batch(3, 1).1;
    let entry = |key: &RowKey| (key.clone(), Some(row(1, &key.to_bytes())));
    store.commit(&rows(keys.iter().map(entry)), &checkpoint).unwrap();

    // When: the same rows come in random batches, in any order.
    let cut = tempfile::tempdir().unwrap();
    let other = open(cut.path(), 64 << 20).unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let mut left = keys;
    while !left.is_empty() {
        let some: Vec<_> = (0..random.random_range(1..400).min(left.len()))
            .map(|_| left.swap_remove(random.random_range(0..left.len())))
            .collect();
        other.commit(&rows(some.iter().map(entry)), &checkpoint).unwrap();
    }

    // Then
    let fingerprint = store.fingerprint().unwrap();
    assert_eq!(fingerprint.rows, 3_000);
    assert_eq!(other.fingerprint().unwrap(), fingerprint);
    // And a version alone makes another fingerprint.
    let again = (RowKey::Page(Ordinal(7)), Some(row(2, &RowKey::Page(Ordinal(7)).to_bytes())));
    other.commit(&rows([again]), &checkpoint).unwrap();
    assert_ne!(other.fingerprint().unwrap(), fingerprint);
}

#[test]
fn the_row_at_or_after_a_place_is_of_its_partition() {
    let child = |parent: Option<u64>, slug: &str| RowKey::Child {
        tree: Tree::Category,
        parent: parent.map(Ordinal),
        slug: slug.to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 1 << 20).unwrap();
    let keys = [child(None, "a"), child(None, "b"), child(Some(1), "c")];
    store.commit(&rows(keys.map(|key| (key, Some(row(1, b""))))), &batch(4, 1).1).unwrap();
    let top = Partition::Children(Tree::Category, None);
    assert_eq!(store.row_at_or_after(top, b"aa").unwrap().unwrap().0, b"b");
    assert_eq!(store.row_at_or_after(top, b"b").unwrap().unwrap().0, b"b");
    assert_eq!(store.row_at_or_after(top, b"c").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_a_batch_whole_or_not_at_all() {
    // Given: a writer that always writes the same version into many rows.
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 16 << 20).unwrap();
    let keys: Vec<_> = (0..50).map(|n| RowKey::Card(Ordinal(n))).collect();
    let write = |store: &LmdbProjectionStore, version: u64| {
        let body = version.to_le_bytes();
        let changes = rows(keys.iter().map(|key| (key.clone(), Some(row(version, &body)))));
        store.commit(&changes, &batch(6, version).1).unwrap();
    };
    write(&store, 1);
    let reader = store.view_reader(status());
    let done = Arc::new(AtomicBool::new(false));
    let (reading, wanted) = (done.clone(), keys.clone());

    // When: it is read all the while.
    let seen = tokio::spawn(async move {
        let mut versions = std::collections::BTreeSet::new();
        while !reading.load(Ordering::Relaxed) {
            let found = reader.multi_get(&wanted).await.unwrap();
            let first = found[0].clone().unwrap();
            assert_eq!(first.version.0.to_le_bytes(), *first.body);
            assert!(found.iter().all(|row| row.as_ref() == Some(&first)), "rows of two batches in one read");
            versions.insert(first.version);
            tokio::task::yield_now().await;
        }
        versions.len()
    });
    for version in 2..=300 {
        write(&store, version);
    }
    done.store(true, Ordering::Relaxed);

    // Then
    assert!(seen.await.unwrap() > 3, "the reader hardly ran");
}

#[test]
fn what_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.mdb"), vec![7; 8_192]).unwrap();
    let Err(error) = open(folder.path(), 1 << 20) else { panic!("opened") };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

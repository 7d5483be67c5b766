//! What the local store says changed is all that has to be published, from any point on and whoever published before.

use contracts::directory::{Generator, Mix, Random, Step};
use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use events::Position;
use projectors::{ChangedFrom, DirectoryProjection, LmdbProjectionStore, ProjectionStore, StoreOptions};
use views::PublishedRow;

use crate::lmdb;
use crate::memory_store::Rows;

/// Where rows are published to: of two versions of a row the higher one holds.
#[derive(Default)]
struct Shared {
    rows: BTreeMap<Vec<u8>, (Position, Option<Bytes>)>,
    position: Position,
}

impl Shared {
    fn put(&mut self, row: PublishedRow) {
        let PublishedRow { key, version, body } = row;
        if let Some((known, known_body)) = self.rows.get(&key) {
            assert!(*known != version || *known_body == body, "two rows {} of {version}", key.escape_ascii());
            if *known >= version {
                return;
            }
        }
        self.rows.insert(key, (version, body));
    }

    fn live(&self) -> Vec<(Vec<u8>, Position, Bytes)> {
        let live = self.rows.iter().filter_map(|(key, (version, body))| Some((key.clone(), *version, body.clone()?)));
        live.collect()
    }
}

struct Replica {
    store: LmdbProjectionStore,
    projection: DirectoryProjection,
    folded: usize,
}

impl Replica {
    fn new(folder: &Path) -> Self {
        Self { store: open(folder, true), projection: DirectoryProjection::default(), folded: 0 }
    }

    fn fold(&mut self, steps: &[Step], events: usize) {
        let events = events.min(steps.len() - self.folded);
        if events > 0 {
            lmdb::fold(&mut self.projection, &self.store, &steps[self.folded..self.folded + events]);
            self.folded += events;
        }
    }

    fn position(&self) -> Position {
        self.store.checkpoint().unwrap().map_or(Position::ZERO, |checkpoint| checkpoint.position)
    }

    /// Everything above what is published, in reads of a few entries each.
    fn above(&self, position: Position) -> Vec<PublishedRow> {
        let (mut rows, mut from) = (Vec::new(), Some(ChangedFrom::above(position)));
        while let Some(begin) = from {
            let changed = self.store.changed_rows(&begin, 37, |_, _| true).unwrap();
            assert!(changed.rows.len() <= 37);
            rows.extend(changed.rows);
            from = changed.more;
        }
        rows
    }

    /// Publishes, and is killed on the way if `killed` says after how many rows.
    fn publish(&self, shared: &mut Shared, killed: Option<usize>) {
        if self.position() <= shared.position {
            return;
        }
        let rows = self.above(shared.position);
        assert!(rows.iter().all(|row| row.version > shared.position && row.version <= self.position()));
        rows.into_iter().take(killed.unwrap_or(usize::MAX)).for_each(|row| shared.put(row));
        if killed.is_none() {
            shared.position = self.position();
        }
    }
}

fn open(folder: &Path, index_versions: bool) -> LmdbProjectionStore {
    let options = StoreOptions { map_bytes: 1 << 30, readers_max: 8, index_versions };
    LmdbProjectionStore::open(folder, &options).unwrap()
}

fn rows(store: &LmdbProjectionStore) -> Vec<(Vec<u8>, Position, Bytes)> {
    let mut rows = Rows::new();
    store.for_each_row(|key, row| drop(rows.insert(key.to_vec(), row))).unwrap();
    rows.into_iter().map(|(key, row)| (key, row.version, row.body)).collect()
}

/// Replicas fold in batches of their own and take turns at publishing; each may be killed on the way.
#[test]
fn whoever_publishes_from_wherever_nothing_is_missed_and_nothing_stays() {
    let mut gone = 0;
    for (seed, mix, events) in [(500, Mix::BUSY, 600), (501, Mix::BUSY, 600), (502, Mix::CROWDED, 1_500)] {
        let (steps, _) = Generator::log(seed, mix, events);
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random(seed);
        let mut replicas = ["a", "b", "c"].map(|name| Replica::new(&folder.path().join(name)));
        let mut shared = Shared::default();
        while replicas.iter().any(|replica| replica.folded < steps.len()) {
            let replica = &mut replicas[random.below(3)];
            // Some go from event to event, some take many at once.
            let most = [3, 40, 400][random.below(3)];
            replica.fold(&steps, 1 + random.below(most));
            match random.below(4) {
                0 => replica.publish(&mut shared, Some(random.below(60))),
                1 | 2 => replica.publish(&mut shared, None),
                _ => {}
            }
        }
        let last = &replicas[random.below(3)];
        last.publish(&mut shared, None);
        assert_eq!(shared.position, last.position());
        assert!(shared.live() == rows(&last.store), "seed {seed}: what is published is not what is stored");
        gone += shared.rows.len() - shared.live().len();
    }
    assert!(gone > 100, "hardly any row was ever removed");
}

/// One replica published at every event; another one folds all of it at once and goes on from there.
#[test]
fn rows_that_came_and_went_within_a_batch_are_gone_for_all() {
    for (seed, mix, events) in [(510, Mix::BUSY, 500), (511, Mix::CROWDED, 1_200)] {
        let (steps, _) = Generator::log(seed, mix, events);
        let folder = tempfile::tempdir().unwrap();
        let mut shared = Shared::default();
        let mut first = Replica::new(&folder.path().join("first"));
        let half = steps.len() / 2;
        for _ in 0..half {
            first.fold(&steps, 1);
            first.publish(&mut shared, None);
        }
        // It goes on without a word, until it is killed: its rows are there, and nobody said so. Some of them go later.
        for _ in half..steps.len() * 3 / 4 {
            let published = first.position();
            first.fold(&steps, 1);
            first.above(published).into_iter().for_each(|row| shared.put(row));
        }
        let mut second = Replica::new(&folder.path().join("second"));
        second.fold(&steps[..half], half);
        second.fold(&steps, steps.len());
        second.publish(&mut shared, None);
        assert!(shared.live() == rows(&second.store), "seed {seed}: what is published is not what is stored");
        // And one that has folded all in one batch, after the store was emptied of what was said.
        shared.position = Position::ZERO;
        let mut third = Replica::new(&folder.path().join("third"));
        third.fold(&steps, steps.len());
        third.publish(&mut shared, None);
        assert!(shared.live() == rows(&third.store), "seed {seed}: what is published is not what is stored");
    }
}

#[test]
fn an_index_is_whole_or_not_there() {
    let (steps, _) = Generator::log(520, Mix::BUSY, 60);
    let folder = tempfile::tempdir().unwrap();
    let mut projection = DirectoryProjection::default();
    // Given: a store that was begun without.
    let store = open(folder.path(), false);
    lmdb::fold(&mut projection, &store, &steps[..20]);
    assert!(!store.is_indexed() && store.changed_rows(&ChangedFrom::above(Position::ZERO), 9, |_, _| true).is_err());
    drop(store);
    assert!(!open(folder.path(), true).is_indexed(), "it does not know what was removed");

    // Given: one that was begun with it, and once opened by somebody who does not keep it.
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), true);
    lmdb::fold(&mut DirectoryProjection::default(), &store, &steps[..20]);
    drop(store);
    assert!(open(folder.path(), true).is_indexed());
    assert!(!open(folder.path(), false).is_indexed());
    assert!(!open(folder.path(), true).is_indexed(), "what was written meanwhile is not in it");
}

//! The same on the store that the product uses.

use contracts::directory::{Generator, Mix, Random, Step};
use events::JournalId;
use projectors::{
    Checkpoint, DIRECTORY_VERSION, DirectoryProjection, LmdbProjectionStore, Projection, ProjectionStore, StoreOptions,
};
use uuid::Uuid;

use crate::laws::rebuilt;
use crate::memory_store::{Rows, differing};

pub(crate) fn fold(projection: &mut DirectoryProjection, store: &LmdbProjectionStore, steps: &[Step]) {
    for step in steps {
        projection.apply(store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
    }
    let changes = projection.render(store).unwrap();
    let last = &steps.last().unwrap().recorded;
    let checkpoint = Checkpoint {
        journal_id: JournalId(Uuid::nil()),
        projection_version: DIRECTORY_VERSION,
        position: last.position,
        event_id: last.header.event_id,
    };
    store.commit(&changes, &checkpoint).unwrap();
}

#[test]
fn live_batches_and_a_rebuild_agree_in_lmdb() {
    let (steps, _) = Generator::log(400, Mix::CROWDED, 4_000);
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { map_bytes: 1 << 30, readers_max: 8, index_versions: false };
    let live = LmdbProjectionStore::open(&folder.path().join("live"), &options).unwrap();
    let mut random = Random(400);
    let mut projection = DirectoryProjection::default();
    let mut rest = steps.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at((1 + random.below(300)).min(rest.len()));
        fold(&mut projection, &live, batch);
        rest = after;
    }
    let mut rows = Rows::new();
    live.for_each_row(|key, row| drop(rows.insert(key.to_vec(), row))).unwrap();
    assert_eq!(differing(&rows, &rebuilt(&steps).rows), [""; 0]);

    let at_once = LmdbProjectionStore::open(&folder.path().join("rebuilt"), &options).unwrap();
    fold(&mut DirectoryProjection::default(), &at_once, &steps);
    assert_eq!(live.fingerprint().unwrap(), at_once.fingerprint().unwrap());
}

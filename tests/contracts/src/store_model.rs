//! What a store holds after so many batches, derived from a seed: two processes agree on it without talking.

use std::collections::BTreeMap;

use events::{EventId, JournalId, Position};
use projectors::{Changes, Checkpoint};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;
use views::{Ordinal, Row, RowKey};

const KEYS: u64 = 300;
const CHANGES_MAX: usize = 40;
/// More than a page, so that some values are stored apart.
const BODY_BYTES_MAX: usize = 7_000;

type State = (Vec<u8>, Option<Vec<u8>>);
type StoredRow = (Vec<u8>, Option<Row>);

/// The changes of a batch, and the checkpoint behind it. Batches count from 1.
pub fn batch(seed: u64, number: u64) -> (Changes, Checkpoint) {
    let mut random = StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let version = Position(number);
    let mut rows: BTreeMap<Vec<u8>, Option<Row>> = BTreeMap::new();
    let mut state: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    for _ in 0..random.random_range(1..=CHANGES_MAX) {
        let row = random.random_bool(0.8).then(|| Row { version, body: body(&mut random).into() });
        rows.insert(row_key(&mut random), row);
        let value = random.random_bool(0.8).then(|| body(&mut random));
        state.insert(format!("s{}", random.random_range(0..KEYS)).into_bytes(), value);
    }
    let checkpoint = Checkpoint {
        journal_id: JournalId(Uuid::from_u64_pair(seed, 0)),
        projection_version: 1,
        position: version,
        event_id: EventId(Uuid::from_u64_pair(seed, number)),
    };
    let (rows, state) = (rows.into_iter().collect(), state.into_iter().collect());
    (Changes { rows, state, passed: Vec::new() }, checkpoint)
}

fn row_key(random: &mut StdRng) -> Vec<u8> {
    let ordinal = Ordinal(random.random_range(0..KEYS));
    match random.random_range(0..3) {
        0 => RowKey::Card(ordinal),
        1 => RowKey::Page(ordinal),
        _ => RowKey::Reference(format!("business-{ordinal:?}")),
    }
    .to_bytes()
}

fn body(random: &mut StdRng) -> Vec<u8> {
    // Mostly small, some over a page.
    let len =
        if random.random_bool(0.9) { random.random_range(0..300) } else { random.random_range(0..BODY_BYTES_MAX) };
    let first: u8 = random.random();
    (0..len).map(|i| first.wrapping_add(i as u8)).collect()
}

/// The content after the batches that were applied to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreModel {
    /// Rows by key.
    pub rows: BTreeMap<Vec<u8>, Row>,
    /// Fold state.
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StoreModel {
    /// Applies a batch.
    pub fn apply(&mut self, changes: Changes) {
        fn put<V>(map: &mut BTreeMap<Vec<u8>, V>, (key, value): (Vec<u8>, Option<V>)) {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        changes.rows.into_iter().for_each(|row: StoredRow| put(&mut self.rows, row));
        changes.state.into_iter().for_each(|state: State| put(&mut self.state, state));
    }
}

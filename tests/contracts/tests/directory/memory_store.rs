//! A projection store in memory: fast enough to look at every row after every event.

use std::collections::BTreeMap;

use events::Position;
use projectors::{Changes, StoreError, StoreReader};
use views::{Partition, Row, RowKey};

/// Rows by key.
pub(crate) type Rows = BTreeMap<Vec<u8>, Row>;

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pub(crate) rows: Rows,
    pub(crate) state: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryStore {
    /// Writes changes and checks what every store may rely on.
    pub(crate) fn write(&mut self, changes: &Changes) {
        assert!(changes.state.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each key once");
        assert!(changes.rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, each key once");
        assert!(changes.passed.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each key once");
        for key in &changes.passed {
            assert!(!self.rows.contains_key(key), "what came and went was there before: {}", key.escape_ascii());
            assert!(changes.rows.binary_search_by(|(other, _)| other.cmp(key)).is_err(), "it did not go");
        }
        for (key, value) in &changes.state {
            match value {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(key),
            };
        }
        for (key, row) in &changes.rows {
            match row {
                Some(row) => {
                    let old = self.rows.insert(key.clone(), row.clone());
                    assert!(old.is_none_or(|old| old.version < row.version), "a row never goes back");
                }
                None => assert!(self.rows.remove(key).is_some(), "only what is there is deleted: {key:?}"),
            }
        }
    }
}

impl StoreReader for MemoryStore {
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.get(key).cloned())
    }

    fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        Ok(self.rows.get(&key.to_bytes()).cloned())
    }

    fn row_at_or_after(&self, partition: Partition, from: &[u8]) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        let prefix = partition.prefix();
        let first = self.rows.range([&prefix, from].concat()..).next();
        Ok(first.and_then(|(key, row)| Some((key.strip_prefix(prefix.as_slice())?.to_vec(), row.clone()))))
    }
}

/// Rows in words, for messages of failed tests.
pub(crate) fn differing(left: &Rows, right: &Rows) -> Vec<String> {
    let word = |row: Option<&Row>| row.map_or("none".to_owned(), |row| format!("{}@{}", row.body.len(), row.version));
    left.keys()
        .chain(right.keys().filter(|key| !left.contains_key(*key)))
        .filter(|key| left.get(*key) != right.get(*key))
        .map(|key| format!("{}: {} / {}", key.escape_ascii(), word(left.get(key)), word(right.get(key))))
        .collect()
}

/// Whether the row is there with this version.
pub(crate) fn is_at(row: Option<&Row>, version: Position) -> bool {
    row.is_some_and(|row| row.version == version)
}

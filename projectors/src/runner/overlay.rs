//! What is being committed, over what is: the fold goes on with the next events meanwhile.

use views::{Partition, Row, RowKey};

use crate::port::{Changes, StoreError, StoreReader};

/// Reads as if `changes` were committed already. Whether they are by now makes no difference.
pub(super) struct Overlay<'a> {
    pub(super) changes: &'a Changes,
    pub(super) store: &'a dyn StoreReader,
}

impl StoreReader for Overlay<'_> {
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.changes.state.binary_search_by(|(other, _)| other.as_slice().cmp(key)) {
            Ok(index) => Ok(self.changes.state[index].1.clone()),
            Err(_) => self.store.state(key),
        }
    }

    fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        match self.changed_row(&key.to_bytes()) {
            Ok(index) => Ok(self.changes.rows[index].1.clone()),
            Err(_) => self.store.row(key),
        }
    }

    fn row_at_or_after(&self, partition: Partition, from: &[u8]) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        let prefix = partition.prefix();
        let full = |clustering: &[u8]| [&prefix, clustering].concat();
        let (Ok(first) | Err(first)) = self.changed_row(&full(from));
        let changed =
            self.changes.rows[first..].iter().map_while(|(key, row)| Some((key.strip_prefix(&*prefix)?, row)));
        let changed = changed.filter_map(|(clustering, row)| Some((clustering.to_vec(), row.clone()?))).next();
        let mut stored = self.store.row_at_or_after(partition, from)?;
        // What is stored and changes now is no longer what is stored.
        while let Some((clustering, _)) = stored.as_ref().filter(|(found, _)| self.changed_row(&full(found)).is_ok()) {
            let after = [clustering, &[0][..]].concat();
            stored = self.store.row_at_or_after(partition, &after)?;
        }
        Ok(changed.into_iter().chain(stored).min_by(|(a, _), (b, _)| a.cmp(b)))
    }
}

impl Overlay<'_> {
    fn changed_row(&self, key: &[u8]) -> Result<usize, usize> {
        self.changes.rows.binary_search_by(|(other, _)| other.as_slice().cmp(key))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use events::{EventId, JournalId, Position};
    use uuid::Uuid;
    use views::{Ordinal, Tree};

    use super::*;
    use crate::port::{Checkpoint, ProjectionStore};
    use crate::{LmdbProjectionStore, StoreOptions};

    const PARENTS: [Option<Ordinal>; 3] = [None, Some(Ordinal(1)), Some(Ordinal(2))];

    fn child(parent: Option<Ordinal>, number: u64) -> RowKey {
        RowKey::Child { tree: Tree::Category, parent, slug: format!("s{number}") }
    }

    /// For each key that the filter takes: written, or deleted if it is a multiple of three.
    fn changes(version: u64, takes: impl Fn(u64) -> bool) -> Changes {
        let written = |n: u64| (!n.is_multiple_of(3) || version == 1).then_some(Position(version));
        let mut changes = Changes::default();
        for number in (0..10).filter(|number| takes(*number)) {
            let value = written(number).map(|version| version.0.to_be_bytes().to_vec());
            changes.state.push((format!("s{number}").into_bytes(), value.clone()));
            for parent in PARENTS {
                let row = value.clone().map(|body| Row { version: Position(version), body: body.into() });
                changes.rows.push((child(parent, number).to_bytes(), row));
            }
        }
        changes.rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        changes
    }

    #[test]
    fn it_reads_as_if_all_were_committed_before_and_after_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let options = StoreOptions { map_bytes: 16 << 20, ..StoreOptions::default() };
            LmdbProjectionStore::open(&folder.path().join(name), &options).unwrap()
        };
        let checkpoint = Checkpoint {
            journal_id: JournalId(Uuid::nil()),
            projection_version: 1,
            position: Position(1),
            event_id: EventId(Uuid::nil()),
        };
        for seed in 0..64_u64 {
            // Given: some rows in both stores, further changes in one of them only.
            let (below, beside) = (open(&format!("below-{seed}")), open(&format!("beside-{seed}")));
            let first = changes(1, |number| seed >> (number % 6) & 1 == 1);
            let second = changes(2, |number| (number + seed) % 7 < 4);
            for store in [&below, &beside] {
                store.commit(&first, &checkpoint).unwrap();
            }
            beside.commit(&second, &checkpoint).unwrap();
            // Then: with those changes laid over it, the other one reads the same.
            let overlay = Overlay { changes: &second, store: &below };
            let compare = || {
                for number in 0..10 {
                    let key = format!("s{number}");
                    assert_eq!(overlay.state(key.as_bytes()).unwrap(), beside.state(key.as_bytes()).unwrap());
                    for parent in PARENTS {
                        let key = child(parent, number);
                        assert_eq!(overlay.row(&key).unwrap(), beside.row(&key).unwrap());
                        let (partition, from) = (key.partition().unwrap(), key.clustering());
                        let found = overlay.row_at_or_after(partition, &from).unwrap();
                        assert_eq!(found, beside.row_at_or_after(partition, &from).unwrap(), "seed {seed} at {key:?}");
                    }
                }
            };
            compare();
            below.commit(&second, &checkpoint).unwrap();
            compare();
        }
    }
}

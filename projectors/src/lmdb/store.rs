//! The writer's side: atomic commits of changes and checkpoint.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use events::{EventId, JournalId, Position};
use heed::{PutFlags, RoTxn};
use tokio::sync::watch;
use uuid::Uuid;
use views::{Partition, Row, RowKey, ViewStatus};
use xxhash_rust::xxh3::Xxh3;

use super::environment::{Environment, StoreOptions, decode_row, engine_error};
use super::index::{ChangedFrom, ChangedRows};
use super::reader::LmdbViewReader;
use crate::port::{Changes, Checkpoint, ProjectionStore, StoreError, StoreReader};

const CHECKPOINT_KEY: &[u8] = b"checkpoint";
const READ_CHECKPOINT: &str = "read the checkpoint";
const CHECKPOINT_BYTES: usize = 16 + 4 + 8 + 16;

/// One generation of a group on LMDB.
pub struct LmdbProjectionStore {
    environment: Arc<Environment>,
}

/// Names the content of a store: equal fingerprints, equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreFingerprint {
    /// Number of rows.
    pub rows: u64,
    /// XXH3-128 over keys, versions and bodies of all rows, in order.
    pub rows_hash: u128,
    /// XXH3-128 over the fold state, in order.
    pub state_hash: u128,
}

impl LmdbProjectionStore {
    /// Opens the store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if anyone has it open.
    pub fn open(folder: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { environment: Arc::new(Environment::open(folder, options)?) })
    }

    /// Opens a store that another process of this machine writes, to read only.
    ///
    /// # Errors
    /// There is none in the folder.
    pub fn open_shared(folder: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self { environment: Arc::new(Environment::open_shared(folder, options)?) })
    }

    /// Forgets readers of processes that ended without a word: they would keep old pages for ever.
    pub(crate) fn clear_stale_readers(&self) -> Result<(), StoreError> {
        self.environment.clear_stale_readers()
    }

    /// A reader of this store that reports the given status.
    pub fn view_reader(&self, status: watch::Receiver<ViewStatus>) -> LmdbViewReader {
        LmdbViewReader::new(self.environment.clone(), status)
    }

    pub(crate) fn environment(&self) -> Arc<Environment> {
        self.environment.clone()
    }

    /// Whether it can tell what changed: [`StoreOptions::index_versions`] has held since its first row.
    pub fn is_indexed(&self) -> bool {
        self.environment.index.is_some()
    }

    /// Rows that changed, the removed ones too, from a place on: at most so many entries are looked at, and `wanted` says
    /// which of their rows are given, by key and by whether they were removed.
    ///
    /// # Errors
    /// The store is not indexed.
    pub fn changed_rows(
        &self,
        from: &ChangedFrom,
        entries_max: usize,
        wanted: impl Fn(&[u8], bool) -> bool,
    ) -> Result<ChangedRows, StoreError> {
        const OPERATION: &str = "read which rows changed";
        let index = self.environment.index.ok_or_else(|| StoreError::Corrupt {
            operation: OPERATION,
            reason: "this store was begun without an index of versions".to_owned(),
        })?;
        let txn = self.environment.read(OPERATION)?;
        index.read(&self.environment, &txn, from, entries_max, wanted)
    }

    /// Size of the file on disk, in bytes.
    pub fn file_bytes(&self) -> Result<u64, StoreError> {
        self.environment.file_bytes()
    }

    /// Calls back with every row, in order of keys.
    ///
    /// The callback must not read the store: a thread has one read transaction.
    pub fn for_each_row(&self, mut each: impl FnMut(&[u8], Row)) -> Result<(), StoreError> {
        const OPERATION: &str = "read all rows";
        let txn = self.environment.read(OPERATION)?;
        for entry in self.environment.rows.iter(&txn).map_err(|e| engine_error(OPERATION, e))? {
            let (key, value) = entry.map_err(|e| engine_error(OPERATION, e))?;
            each(key, decode_row(OPERATION, value)?);
        }
        Ok(())
    }

    /// Calls back with all of the fold's state, in order of keys.
    ///
    /// The callback must not read the store: a thread has one read transaction.
    pub fn for_each_state(&self, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        const OPERATION: &str = "read all fold state";
        let txn = self.environment.read(OPERATION)?;
        for entry in self.environment.state.iter(&txn).map_err(|e| engine_error(OPERATION, e))? {
            let (key, value) = entry.map_err(|e| engine_error(OPERATION, e))?;
            each(key, value);
        }
        Ok(())
    }

    /// Names all that is stored, the checkpoint aside.
    pub fn fingerprint(&self) -> Result<StoreFingerprint, StoreError> {
        let (mut rows, mut rows_hash, mut state_hash) = (0, Xxh3::new(), Xxh3::new());
        self.for_each_row(|key, row| {
            rows += 1;
            add(&mut rows_hash, key);
            rows_hash.update(&row.version.0.to_le_bytes());
            add(&mut rows_hash, &row.body);
        })?;
        self.for_each_state(|key, value| {
            add(&mut state_hash, key);
            add(&mut state_hash, value);
        })?;
        Ok(StoreFingerprint { rows, rows_hash: rows_hash.digest128(), state_hash: state_hash.digest128() })
    }
}

/// The length goes first, so that moving a byte from one field to the next changes the hash.
fn add(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

impl StoreReader for LmdbProjectionStore {
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.environment.state(key)
    }

    fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.environment.row(key)
    }

    fn row_at_or_after(&self, partition: Partition, from: &[u8]) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        self.environment.row_at_or_after(partition, from)
    }
}

impl ProjectionStore for LmdbProjectionStore {
    fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let txn = self.environment.read(READ_CHECKPOINT)?;
        read_checkpoint(&self.environment, &txn)
    }

    fn commit(&self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        const OPERATION: &str = "commit a batch";
        let environment = &self.environment;
        let mut value = Vec::new();
        let engine = |e| environment.commit_error(OPERATION, e);
        let mut txn = environment.write(OPERATION)?;

        // Keys beyond the last one are appended: pages are filled whole and nothing is searched for. In a bulk load
        // into a fresh store that is every key.
        let state = environment.state;
        let last = state.last(&txn).map_err(engine)?.map(|(key, _)| key.to_vec());
        for (key, value) in &changes.state {
            match value {
                Some(value) => state.put_with_flags(&mut txn, put_flags(key, last.as_deref()), key, value),
                None => state.delete(&mut txn, key).map(drop),
            }
            .map_err(engine)?;
        }

        let rows = environment.rows;
        let last = rows.last(&txn).map_err(engine)?.map(|(key, _)| key.to_vec());
        for (key, row) in &changes.rows {
            if let Some(index) = environment.index {
                let old = rows.get(&txn, key).map_err(engine)?.and_then(version_of_row);
                match row {
                    Some(row) => index.put(&mut txn, key, old, row.version),
                    None => index.remove(&mut txn, key, old, checkpoint.position),
                }
                .map_err(engine)?;
            }
            match row {
                Some(Row { version, body }) => {
                    encode_row(&mut value, *version, body);
                    rows.put_with_flags(&mut txn, put_flags(key, last.as_deref()), key, &value)
                }
                None => rows.delete(&mut txn, key).map(drop),
            }
            .map_err(engine)?;
        }

        if let Some(index) = environment.index {
            for key in &changes.passed {
                index.remove(&mut txn, key, None, checkpoint.position).map_err(engine)?;
            }
        }
        environment.meta.put(&mut txn, CHECKPOINT_KEY, &encode_checkpoint(checkpoint)).map_err(engine)?;
        txn.commit().map_err(engine)
    }
}

/// How far a store had come when a transaction began.
pub(super) fn checkpoint_position(environment: &Environment, txn: &RoTxn<'_>) -> Result<Option<Position>, StoreError> {
    Ok(read_checkpoint(environment, txn)?.map(|checkpoint| checkpoint.position))
}

fn read_checkpoint(environment: &Environment, txn: &RoTxn<'_>) -> Result<Option<Checkpoint>, StoreError> {
    let value = environment.meta.get(txn, CHECKPOINT_KEY).map_err(|e| engine_error(READ_CHECKPOINT, e))?;
    value
        .map(|bytes| {
            decode_checkpoint(bytes).ok_or_else(|| StoreError::Corrupt {
                operation: READ_CHECKPOINT,
                reason: format!("{} bytes are not a checkpoint", bytes.len()),
            })
        })
        .transpose()
}

fn version_of_row(value: &[u8]) -> Option<Position> {
    value.first_chunk().map(|bytes| Position(u64::from_le_bytes(*bytes)))
}

fn put_flags(key: &[u8], last: Option<&[u8]>) -> PutFlags {
    if last.is_none_or(|last| key > last) { PutFlags::APPEND } else { PutFlags::empty() }
}

fn encode_row(value: &mut Vec<u8>, version: Position, body: &Bytes) {
    value.clear();
    value.extend(version.0.to_le_bytes());
    value.extend(body);
}

fn encode_checkpoint(checkpoint: &Checkpoint) -> [u8; CHECKPOINT_BYTES] {
    let mut bytes = [0; CHECKPOINT_BYTES];
    bytes[..16].copy_from_slice(checkpoint.journal_id.0.as_bytes());
    bytes[16..20].copy_from_slice(&checkpoint.projection_version.to_le_bytes());
    bytes[20..28].copy_from_slice(&checkpoint.position.0.to_le_bytes());
    bytes[28..].copy_from_slice(checkpoint.event_id.0.as_bytes());
    bytes
}

fn decode_checkpoint(bytes: &[u8]) -> Option<Checkpoint> {
    let (journal_id, rest) = bytes.split_first_chunk::<16>()?;
    let (projection_version, rest) = rest.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let event_id: &[u8; 16] = rest.try_into().ok()?;
    Some(Checkpoint {
        journal_id: JournalId(Uuid::from_bytes(*journal_id)),
        projection_version: u32::from_le_bytes(*projection_version),
        position: Position(u64::from_le_bytes(*position)),
        event_id: EventId(Uuid::from_bytes(*event_id)),
    })
}

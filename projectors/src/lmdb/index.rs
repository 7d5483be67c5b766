//! Which rows a version has: what lies above a version can be published from any point on.
//!
//! It is kept in the same transactions as the rows, and only where rows are published.

use bytes::Bytes;
use events::Position;
use heed::{RoTxn, RwTxn};
use views::PublishedRow;

use super::environment::{Environment, RawDatabase, decode_row, engine_error};
use crate::port::StoreError;

const READ: &str = "read which rows changed";
const VERSION_BYTES: usize = 8;

/// The index beside the rows.
#[derive(Clone, Copy)]
pub(super) struct VersionIndex {
    /// Version, big endian, then key. Of every row, and of every row that was removed.
    pub(super) versions: RawDatabase,
    /// Key of a row that was removed, to the version from which on it is not there.
    pub(super) removed: RawDatabase,
}

/// A place in the index: everything before it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFrom(Vec<u8>);

impl ChangedFrom {
    /// Behind all rows of this version and of earlier ones.
    pub fn above(version: Position) -> Self {
        Self(version.0.saturating_add(1).to_be_bytes().to_vec())
    }
}

/// Rows that changed, in order of their versions.
#[derive(Debug)]
pub struct ChangedRows {
    /// The rows as they are now.
    pub rows: Vec<PublishedRow>,
    /// Where to read on, if there are more.
    pub more: Option<ChangedFrom>,
}

impl VersionIndex {
    /// A row is written now. `old` is the version of the row that was there.
    pub(super) fn put(
        &self,
        txn: &mut RwTxn<'_>,
        key: &[u8],
        old: Option<Position>,
        new: Position,
    ) -> heed::Result<()> {
        self.forget(txn, key, old)?;
        self.versions.put(txn, &entry(new, key), &[])
    }

    /// A row is not there from this version on.
    pub(super) fn remove(
        &self,
        txn: &mut RwTxn<'_>,
        key: &[u8],
        old: Option<Position>,
        at: Position,
    ) -> heed::Result<()> {
        self.forget(txn, key, old)?;
        self.removed.put(txn, key, &at.0.to_be_bytes())?;
        self.versions.put(txn, &entry(at, key), &[])
    }

    fn forget(&self, txn: &mut RwTxn<'_>, key: &[u8], old: Option<Position>) -> heed::Result<()> {
        let old = match old {
            Some(old) => Some(old),
            None => {
                let removed = self.removed.get(txn, key)?.and_then(version_of);
                if removed.is_some() {
                    self.removed.delete(txn, key)?;
                }
                removed
            }
        };
        if let Some(old) = old {
            self.versions.delete(txn, &entry(old, key))?;
        }
        Ok(())
    }

    /// At most so many entries from a place on; rows that are not wanted are passed over, and count as well.
    pub(super) fn read(
        &self,
        environment: &Environment,
        txn: &RoTxn<'_>,
        from: &ChangedFrom,
        entries_max: usize,
        wanted: impl Fn(&[u8], bool) -> bool,
    ) -> Result<ChangedRows, StoreError> {
        let engine = |e| engine_error(READ, e);
        let mut changed = ChangedRows { rows: Vec::new(), more: None };
        let bounds = (std::ops::Bound::Included(from.0.as_slice()), std::ops::Bound::Unbounded);
        for (count, found) in self.versions.range(txn, &bounds).map_err(engine)?.enumerate() {
            let (entry, _) = found.map_err(engine)?;
            if count == entries_max {
                changed.more = Some(ChangedFrom(entry.to_vec()));
                break;
            }
            let (version, key) = split(entry)?;
            let row = environment.rows.get(txn, key).map_err(engine)?;
            if wanted(key, row.is_none()) {
                let body: Option<Bytes> = row.map(|row| decode_row(READ, row).map(|row| row.body)).transpose()?;
                changed.rows.push(PublishedRow { key: key.to_vec(), version, body });
            }
        }
        Ok(changed)
    }
}

/// The version of a row as stored, or of a removed one.
pub(super) fn version_of(value: &[u8]) -> Option<Position> {
    value.first_chunk().map(|bytes| Position(u64::from_be_bytes(*bytes)))
}

fn entry(version: Position, key: &[u8]) -> Vec<u8> {
    let mut entry = Vec::with_capacity(VERSION_BYTES + key.len());
    entry.extend(version.0.to_be_bytes());
    entry.extend(key);
    entry
}

fn split(entry: &[u8]) -> Result<(Position, &[u8]), StoreError> {
    let (version, key) = entry.split_first_chunk().ok_or_else(|| StoreError::Corrupt {
        operation: READ,
        reason: "an entry is shorter than its version".to_owned(),
    })?;
    Ok((Position(u64::from_be_bytes(*version)), key))
}

//! One opened LMDB environment, shared by the writer and all readers.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use events::Position;
use heed::types::Bytes as RawBytes;
use heed::{CommitOrAbort, CompactionOption, Database, Env, EnvFlags, EnvOpenOptions, MdbError, RoTxn, RwTxn, WithTls};
use views::{Partition, Row, RowKey};

use super::index::VersionIndex;
use crate::port::{StoreError, StoreReader};

/// Layout of keys and values in the environment.
const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";
/// There if the index has been kept since the first row.
const INDEXED_KEY: &[u8] = b"indexed";
/// Rows, state, meta; versions and removed rows.
const DATABASES_MAX: u32 = 5;

pub(super) type RawDatabase = Database<'static, RawBytes, RawBytes>;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The most that a store may grow to, in bytes; rounded up to whole pages. The map is sparse: it costs address
    /// space only.
    pub map_bytes: usize,
    /// The most threads that may read at once.
    pub readers_max: u32,
    /// Keeps an index of what changed, so that rows can be published. A store that was begun without has to be made anew.
    pub index_versions: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { map_bytes: 256 << 30, readers_max: 1_024, index_versions: false }
    }
}

/// The environment with its databases. Closed when the last owner lets go, and only then unlocked.
pub(crate) struct Environment {
    env: Env,
    pub(super) rows: RawDatabase,
    pub(super) state: RawDatabase,
    pub(super) meta: RawDatabase,
    /// Whole, or not there.
    pub(super) index: Option<VersionIndex>,
    // Dropped last: nobody else writes the file while it is mapped here. Whoever only reads holds none.
    _lock: Option<FolderLock>,
}

/// Says that nobody else may open a folder.
struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that is just being started holds a copy of the file until it runs.
        let _ = self.0.unlock();
    }
}

impl Environment {
    /// Opens the environment in a folder, which is made if it is not there.
    pub(super) fn open(folder: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|e| io_error("open the store", e))?;
        let lock = lock_folder(folder)?;
        let env = map_file(options, EnvFlags::empty(), folder).map_err(|e| match e {
            heed::Error::EnvAlreadyOpened => StoreError::InUse { path: folder.display().to_string() },
            e => engine_error("open the store", e),
        })?;
        let (rows, state, meta) = open_databases(&env).map_err(|e| engine_error("open the store", e))?;
        let mut environment = Self { env, rows, state, meta, index: None, _lock: Some(lock) };
        environment.clear_stale_readers()?;
        environment.check_format()?;
        environment.index = environment.open_index(options.index_versions)?;
        Ok(environment)
    }

    /// Opens an environment that another process writes, to read only.
    pub(super) fn open_shared(folder: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        const OPERATION: &str = "open a store of another process";
        let fail = |e| engine_error(OPERATION, e);
        let env = map_file(options, EnvFlags::READ_ONLY, folder).map_err(fail)?;
        let opened = env.open_databases_and_commit(env.read_txn().map_err(fail)?, |opener, txn| {
            let databases = (
                opener.open_database::<RawBytes, RawBytes>(txn, Some("rows"))?,
                opener.open_database::<RawBytes, RawBytes>(txn, Some("state"))?,
                opener.open_database::<RawBytes, RawBytes>(txn, Some("meta"))?,
            );
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(databases))
        });
        let (Some(rows), Some(state), Some(meta)) = opened.map_err(fail)?.unwrap_commit() else {
            let reason = "a database is missing in it".to_owned();
            return Err(StoreError::Corrupt { operation: OPERATION, reason });
        };
        let environment = Self { env, rows, state, meta, index: None, _lock: None };
        environment.check_format()?;
        Ok(environment)
    }

    /// Readers of a killed process would keep old pages from being reused for ever.
    pub(super) fn clear_stale_readers(&self) -> Result<(), StoreError> {
        self.env.clear_stale_readers().map(drop).map_err(|e| engine_error("forget readers of ended processes", e))
    }

    pub(super) fn read(&self, operation: &'static str) -> Result<RoTxn<'_, WithTls>, StoreError> {
        self.env.read_txn().map_err(|e| engine_error(operation, e))
    }

    pub(super) fn write(&self, operation: &'static str) -> Result<RwTxn<'_>, StoreError> {
        self.env.write_txn().map_err(|e| engine_error(operation, e))
    }

    pub(super) fn file_bytes(&self) -> Result<u64, StoreError> {
        self.env.real_disk_size().map_err(|e| engine_error("measure the store", e))
    }

    pub(super) fn folder(&self) -> &Path {
        self.env.path()
    }

    /// A read transaction holds the moment: pages that are given free meanwhile are not used again before its end.
    pub(super) fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        const OPERATION: &str = "copy the store";
        std::fs::create_dir_all(folder).map_err(|e| io_error(OPERATION, e))?;
        let copied = self.env.copy_to_path(folder.join("data.mdb"), CompactionOption::Enabled);
        let file = copied.map_err(|e| engine_error(OPERATION, e))?;
        file.sync_all().and_then(|()| File::open(folder)?.sync_all()).map_err(|e| io_error(OPERATION, e))
    }

    /// What a failed commit means. LMDB calls a write that came out short, as the last one on a full disk does, an
    /// input/output error; whether there is room is then found out by writing beside it.
    pub(super) fn commit_error(&self, operation: &'static str, error: heed::Error) -> StoreError {
        match engine_error(operation, error) {
            StoreError::Engine { .. } if self.has_no_room() => StoreError::Full { operation },
            error => error,
        }
    }

    fn has_no_room(&self) -> bool {
        let path = self.env.path().join("room");
        let probe = || {
            let mut file = File::create(&path)?;
            // As far out as the data, so that a limit on the size of files shows too.
            file.seek(SeekFrom::Start(self.env.real_disk_size().unwrap_or(0)))?;
            file.write_all(&[0; 64 << 10])?;
            file.sync_all()
        };
        let outcome = probe();
        // What stays is overwritten the next time.
        let _ = std::fs::remove_file(&path);
        outcome.is_err_and(|e| matches!(io_error("probe for room", e), StoreError::Full { .. }))
    }

    pub(super) fn find_row(&self, txn: &RoTxn<'_>, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let value = self.rows.get(txn, &key.to_bytes()).map_err(|e| engine_error("read a row", e))?;
        value.map(|v| decode_row("read a row", v)).transpose()
    }

    /// Rows of a partition in order, the first one at or after `from`, at most `limit`.
    pub(super) fn rows_in(
        &self,
        partition: Partition,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        const OPERATION: &str = "read a range of rows";
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        let mut start = partition.prefix();
        let prefix_len = start.len();
        start.extend(from);
        let txn = self.read(OPERATION)?;
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Included(&start), Bound::Unbounded);
        let range = self.rows.range(&txn, &bounds).map_err(|e| engine_error(OPERATION, e))?;
        for entry in range {
            let (key, value) = entry.map_err(|e| engine_error(OPERATION, e))?;
            let Some(clustering) = key.strip_prefix(&start[..prefix_len]) else { break };
            found.push((clustering.to_vec(), decode_row(OPERATION, value)?));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// The index, if it is wanted and whole. Where it is not wanted it is not kept, and so whole no longer.
    fn open_index(&self, wanted: bool) -> Result<Option<VersionIndex>, StoreError> {
        const OPERATION: &str = "open the index of the store";
        let engine = |e| engine_error(OPERATION, e);
        let txn = self.read(OPERATION)?;
        let was_kept = self.meta.get(&txn, INDEXED_KEY).map_err(engine)?.is_some();
        let is_empty = self.rows.is_empty(&txn).map_err(engine)? && self.state.is_empty(&txn).map_err(engine)?;
        drop(txn);
        if !wanted {
            if was_kept {
                let mut txn = self.write(OPERATION)?;
                self.meta.delete(&mut txn, INDEXED_KEY).map_err(engine)?;
                txn.commit().map_err(engine)?;
            }
            return Ok(None);
        }
        if !was_kept && !is_empty {
            return Ok(None);
        }
        let mut txn = self.write(OPERATION)?;
        self.meta.put(&mut txn, INDEXED_KEY, &[]).map_err(engine)?;
        let opened = self.env.create_databases_and_commit(txn, |opener, txn| {
            let versions = opener.create_database::<RawBytes, RawBytes>(txn, Some("versions"))?;
            let removed = opener.create_database::<RawBytes, RawBytes>(txn, Some("removed"))?;
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((versions, removed)))
        });
        let (versions, removed) = opened.map_err(engine)?.unwrap_commit();
        Ok(Some(VersionIndex { versions, removed }))
    }

    fn check_format(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "check the format of the store";
        let txn = self.read(OPERATION)?;
        let found = self.meta.get(&txn, FORMAT_KEY).map_err(|e| engine_error(OPERATION, e))?;
        match found {
            Some(bytes) if bytes == FORMAT.to_le_bytes() => Ok(()),
            Some(bytes) => Err(StoreError::Corrupt {
                operation: OPERATION,
                reason: format!("its format is {bytes:?}, this program reads {FORMAT}"),
            }),
            None => {
                drop(txn);
                let mut txn = self.write(OPERATION)?;
                self.meta.put(&mut txn, FORMAT_KEY, &FORMAT.to_le_bytes()).map_err(|e| engine_error(OPERATION, e))?;
                txn.commit().map_err(|e| engine_error(OPERATION, e))
            }
        }
    }
}

impl StoreReader for Environment {
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        const OPERATION: &str = "read fold state";
        let txn = self.read(OPERATION)?;
        let value = self.state.get(&txn, key).map_err(|e| engine_error(OPERATION, e))?;
        Ok(value.map(<[u8]>::to_vec))
    }

    fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let txn = self.read("read a row")?;
        self.find_row(&txn, key)
    }

    fn row_at_or_after(&self, partition: Partition, from: &[u8]) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        Ok(self.rows_in(partition, from, 1)?.pop())
    }
}

/// The one unsafe line of the house: LMDB reads its file through a memory map.
#[allow(unsafe_code)]
fn map_file(options: &StoreOptions, flags: EnvFlags, folder: &Path) -> heed::Result<Env> {
    const PAGE_BYTES: usize = 64 << 10; // a multiple of every page size in use
    let mut builder = EnvOpenOptions::new();
    builder
        .map_size(options.map_bytes.next_multiple_of(PAGE_BYTES))
        .max_readers(options.readers_max)
        .max_dbs(DATABASES_MAX);
    // SAFETY: bytes under a map must not change but through LMDB. The folder is the program's own, whoever writes holds a
    // lock file for as long as it is mapped, heed refuses to map it twice in one process, and no flag that weakens LMDB's
    // own locking or syncing is set: there is none, or the one that makes the map read-only.
    unsafe { builder.flags(flags).open(folder) }
}

fn lock_folder(folder: &Path) -> Result<FolderLock, StoreError> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| io_error("lock the store", e))?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: folder.display().to_string() }),
        Err(TryLockError::Error(e)) => Err(io_error("lock the store", e)),
    }
}

fn open_databases(env: &Env) -> heed::Result<(RawDatabase, RawDatabase, RawDatabase)> {
    let opened = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
        let databases = (
            opener.create_database::<RawBytes, RawBytes>(txn, Some("rows"))?,
            opener.create_database::<RawBytes, RawBytes>(txn, Some("state"))?,
            opener.create_database::<RawBytes, RawBytes>(txn, Some("meta"))?,
        );
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(databases))
    })?;
    Ok(opened.unwrap_commit())
}

/// A row as stored: version, then body.
pub(super) fn decode_row(operation: &'static str, value: &[u8]) -> Result<Row, StoreError> {
    let (version, body) = value
        .split_first_chunk()
        .ok_or_else(|| StoreError::Corrupt { operation, reason: "a row is shorter than its version".to_owned() })?;
    Ok(Row { version: Position(u64::from_le_bytes(*version)), body: Bytes::copy_from_slice(body) })
}

pub(super) fn engine_error(operation: &'static str, error: heed::Error) -> StoreError {
    match error {
        heed::Error::Mdb(MdbError::MapFull) => StoreError::Full { operation },
        heed::Error::Io(e) => io_error(operation, e),
        heed::Error::Mdb(
            e @ (MdbError::Corrupted | MdbError::PageNotFound | MdbError::Invalid | MdbError::VersionMismatch),
        ) => StoreError::Corrupt { operation, reason: e.to_string() },
        e => StoreError::Engine { operation, source: Box::new(e) },
    }
}

pub(super) fn io_error(operation: &'static str, error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full { operation },
        _ => StoreError::Engine { operation, source: Box::new(error) },
    }
}

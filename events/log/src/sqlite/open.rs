//! Opening: the format first, then the lock, then the connections.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use events::{JournalId, Position};
use sqlx::sqlite::SqliteSynchronous;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Row};
use uuid::Uuid;

use super::create::create;
use super::failure::failure;
use super::format;
use super::moved::{Moved, read_mark};
use super::options::{SqliteJournalOptions, Synchronous};
use crate::error::JournalError;

const OPEN: &str = "open the journal";
const PAGE_BYTES: u64 = 4096;

/// How long a statement waits for a lock. Nobody else should ever hold one: there is one writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a read waits for a free connection.
const READ_CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which a commit also moves them into the main file (16 MiB).
const CHECKPOINT_PAGES: &str = "4096";
/// Bytes to which the write-ahead log is cut back once it was larger.
const WAL_BYTES_KEPT: &str = "67108864";
/// Rows that a reading connection's thread may be ahead: whoever reads a page is woken once for many of them.
const ROWS_AHEAD: usize = 1024;
/// Page cache in KiB (negative means KiB, not pages).
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-4096";
/// How much of the file readers map instead of copying.
const READER_MAP_BYTES: &str = "268435456";

/// Everything that an open journal consists of.
pub(super) struct Opened {
    pub(super) id: JournalId,
    pub(super) head: Position,
    pub(super) writer: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) lock: File,
    pub(super) moved: Option<Moved>,
}

/// The path with something put behind its last part.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens the journal at a path, or makes it.
pub(super) async fn open(path: &Path, options: &SqliteJournalOptions) -> Result<Opened, JournalError> {
    // Before the lock, because a refused folder must stay as it is, without even a lock file.
    format::check(path)?;
    let lock = lock(path)?;
    // Again behind the lock: another process may have made it meanwhile.
    if !format::check(path)? {
        create(path).await?;
    }
    connect(path, options, lock).await
}

pub(super) fn lock(path: &Path) -> Result<File, JournalError> {
    let engine = |error| JournalError::Engine { operation: "lock the journal", source: Box::new(error) };
    let lock =
        OpenOptions::new().create(true).truncate(false).write(true).open(beside(path, ".lock")).map_err(engine)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(engine(error)),
    }
}

async fn connect(path: &Path, options: &SqliteJournalOptions, lock: File) -> Result<Opened, JournalError> {
    let base = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let mut writing = base
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match options.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Off => SqliteSynchronous::Off,
        })
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        .pragma("cache_size", WRITER_CACHE);
    if let Some(bytes) = options.max_bytes {
        writing = writing.pragma("max_page_count", (bytes / PAGE_BYTES).max(1).to_string());
    }
    let mut writer = writing.connect().await.map_err(|error| failure(OPEN, error))?;
    let (id, head) = read_row(&mut writer).await?;
    let moved = read_mark(&mut writer).await.map_err(|error| failure(OPEN, error))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.read_connections.max(1))
        .acquire_timeout(READ_CONNECTION_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(
            base.read_only(true)
                .row_buffer_size(ROWS_AHEAD)
                .pragma("cache_size", READER_CACHE)
                .pragma("mmap_size", READER_MAP_BYTES),
        )
        .await
        .map_err(|error| failure(OPEN, error))?;
    Ok(Opened { id, head, writer, readers, lock, moved })
}

pub(super) async fn read_row(writer: &mut SqliteConnection) -> Result<(JournalId, Position), JournalError> {
    let row = sqlx::query("SELECT journal_id, head, (SELECT max(position) FROM events) FROM journal")
        .fetch_one(writer)
        .await
        .map_err(|error| failure(OPEN, error))?;
    let read = || -> Result<(Vec<u8>, i64, Option<i64>), sqlx::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (id, head, last) = read().map_err(|error| failure(OPEN, error))?;
    let corrupt = |reason: String| JournalError::Corrupt { operation: OPEN, reason };
    let id = Uuid::from_slice(&id).map_err(|error| corrupt(error.to_string()))?;
    if head != last.unwrap_or(0) {
        return Err(corrupt(format!("the counter says {head}, the last event is at {}", last.unwrap_or(0))));
    }
    let head = u64::try_from(head).map_err(|_| corrupt(format!("the counter says {head}")))?;
    Ok((JournalId(id), Position(head)))
}

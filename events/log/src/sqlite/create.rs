//! Making a journal: whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use super::clock::now;
use super::failure::failure;
use super::format::{FORMAT, application_id, user_version};
use super::open::beside;
use crate::error::JournalError;

const SCHEMA: &str = include_str!("../../../../schemas/sql/sqlite/journal.sql");
const CREATE: &str = "create the journal";

/// Makes an empty journal at a path where there is none. The caller holds the lock.
///
/// It is built beside and moved into place, so that a crash never leaves half a journal under the real name.
pub(super) async fn create(path: &Path) -> Result<(), JournalError> {
    let unfinished = beside(path, ".new");
    for suffix in ["", "-journal", "-wal", "-shm"] {
        match fs::remove_file(beside(&unfinished, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_failure(error)),
            _ => {}
        }
    }
    fill(&unfinished).await.map_err(|error| failure(CREATE, error))?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(io_failure)?;
    fs::rename(&unfinished, path).map_err(io_failure)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_failure)
}

async fn fill(path: &Path) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await?;
    let sql =
        format!("PRAGMA application_id = {}; PRAGMA user_version = {}; {SCHEMA}", application_id(), user_version());
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    insert_row(&mut connection).await?;
    // Last, and kept in the header: from here on every opener uses the write-ahead log.
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
    connection.close().await
}

async fn insert_row(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO journal (only_row, journal_id, format, schema_fingerprint, created_at, head, recorded_at)
         VALUES (1, ?, ?, ?, ?, 0, 0)",
    )
    .bind(Uuid::now_v7().as_bytes().as_slice())
    .bind(i64::from(FORMAT))
    .bind(i64::from(events::schema_fingerprint()))
    .bind(now().0)
    .execute(connection)
    .await?;
    Ok(())
}

fn io_failure(error: io::Error) -> JournalError {
    if error.kind() == io::ErrorKind::StorageFull {
        return JournalError::Full { operation: CREATE };
    }
    JournalError::Engine { operation: CREATE, source: Box::new(error) }
}

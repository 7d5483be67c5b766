//! A journal that was copied into another engine and goes on there: it is still read, and takes nothing more.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::failure::failure;
use super::open::lock;
use super::{SqliteJournal, format};
use crate::error::JournalError;

const MARK: &str = "mark the journal as moved";

/// Where a journal went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Names the place, without any secret.
    pub to: String,
    /// Whether it is known to have arrived there; if not, it may have.
    pub arrived: bool,
}

impl Moved {
    /// Why nothing is taken any more.
    pub(super) fn refusal(&self, operation: &'static str) -> JournalError {
        JournalError::Moved { operation, to: self.to.clone(), arrived: self.arrived }
    }
}

impl SqliteJournal {
    /// Marks a journal that nobody has open: from now on it takes nothing. The mark is synced when this returns, and lies
    /// in the journal's file, so that every copy of that has it, too.
    ///
    /// # Errors
    /// There is no journal, it is in use, or of another format.
    pub async fn mark_moved(path: &Path, moved: &Moved) -> Result<(), JournalError> {
        let fail = |error| failure(MARK, error);
        if !format::check(path)? {
            let reason = format!("there is no journal {}", path.display());
            return Err(JournalError::Unavailable { operation: MARK, reason });
        }
        let _lock = lock(path)?;
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(false)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(fail)?;
        let mut transaction = connection.begin().await.map_err(fail)?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS moved (
                 only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                 place    TEXT    NOT NULL,
                 arrived  INTEGER NOT NULL
             ) STRICT",
        )
        .execute(&mut *transaction)
        .await
        .map_err(fail)?;
        sqlx::query("INSERT OR REPLACE INTO moved (only_row, place, arrived) VALUES (1, ?, ?)")
            .bind(moved.to.as_str())
            .bind(i64::from(moved.arrived))
            .execute(&mut *transaction)
            .await
            .map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        connection.close().await.map_err(fail)
    }

    /// Where this journal went on, if it was moved.
    pub fn moved(&self) -> Option<&Moved> {
        self.moved.as_deref()
    }
}

/// Reads the mark, if there is one.
pub(super) async fn read_mark(connection: &mut SqliteConnection) -> Result<Option<Moved>, sqlx::Error> {
    if !is_marked(connection).await? {
        return Ok(None);
    }
    let mark: Option<(String, i64)> =
        sqlx::query_as("SELECT place, arrived FROM moved").fetch_optional(connection).await?;
    Ok(mark.map(|(to, arrived)| Moved { to, arrived: arrived != 0 }))
}

/// Takes the mark away: under another id it goes on by itself.
pub(super) async fn remove_mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    if is_marked(connection).await? {
        sqlx::query("DELETE FROM moved").execute(connection).await?;
    }
    Ok(())
}

async fn is_marked(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'moved'")
        .fetch_one(connection)
        .await?;
    Ok(tables > 0)
}

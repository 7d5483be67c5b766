//! Copies a journal while it is written, and gives a copy a name of its own.

use std::path::Path;

use events::{JournalId, Position};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use uuid::Uuid;

use super::failure::failure;
use super::moved::remove_mark;
use super::open::{lock, read_row};
use super::{SqliteJournal, format};
use crate::error::JournalError;

const COPY: &str = "copy the journal";
const ADOPT: &str = "give the journal a new id";

/// What a copy of a journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalCopy {
    /// The id of the journal that it was copied from.
    pub id: JournalId,
    /// Its newest position.
    pub head: Position,
}

/// A journal's id before and after it got a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// The id that it had.
    pub previous: JournalId,
    /// The id that it has.
    pub id: JournalId,
    /// Its newest position.
    pub head: Position,
}

impl SqliteJournal {
    /// Writes the journal, as it is at one moment, into a new file. Appends go on meanwhile: only their write-ahead log
    /// grows, because the moment is held until the copy is made. The copy is not synced.
    ///
    /// It is a copy row by row, so that it is as small as it can be, and a page that cannot be read is noticed.
    ///
    /// # Errors
    /// The path is not UTF-8, is there already, or cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<JournalCopy, JournalError> {
        let fail = |error| failure(COPY, error);
        let Some(text) = path.to_str() else {
            let reason = format!("{} is not UTF-8, which SQLite needs", path.display());
            return Err(JournalError::Unavailable { operation: COPY, reason });
        };
        // A connection of its own: it is busy for long, and those of the pool are for readers.
        let reading = self.reader.pool.connect_options().as_ref().clone();
        let mut connection = reading.connect().await.map_err(fail)?;
        sqlx::query("VACUUM INTO ?").bind(text).execute(&mut connection).await.map_err(fail)?;
        connection.close().await.map_err(fail)?;
        Self::read_copy(path).await
    }

    /// What a copy holds; nothing is written, also not beside it.
    ///
    /// # Errors
    /// It cannot be read, or is not the copy of a journal.
    pub async fn read_copy(path: &Path) -> Result<JournalCopy, JournalError> {
        let fail = |error| failure("read a copy of a journal", error);
        let copied =
            SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).disable_statement_logging();
        let mut connection = copied.connect().await.map_err(fail)?;
        let (id, head) = read_row(&mut connection).await?;
        connection.close().await.map_err(fail)?;
        Ok(JournalCopy { id, head })
    }

    /// Gives a journal that nobody has open a new id, in one transaction: its positions from now on are not those that
    /// the old id names.
    ///
    /// # Errors
    /// There is no journal, it is in use, or of another format.
    pub async fn adopt(path: &Path) -> Result<Adopted, JournalError> {
        let fail = |error| failure(ADOPT, error);
        let missing = || JournalError::Unavailable {
            operation: ADOPT,
            reason: format!("there is no journal {}", path.display()),
        };
        if !format::check(path)? {
            return Err(missing());
        }
        let _lock = lock(path)?;
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(false)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(fail)?;
        let (previous, head) = read_row(&mut connection).await?;
        let id = JournalId(Uuid::now_v7());
        sqlx::query("UPDATE journal SET journal_id = ?")
            .bind(id.0.as_bytes().as_slice())
            .execute(&mut connection)
            .await
            .map_err(fail)?;
        remove_mark(&mut connection).await.map_err(fail)?;
        connection.close().await.map_err(fail)?;
        Ok(Adopted { previous, id, head })
    }
}

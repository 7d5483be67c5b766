//! A new id, for a database that was restored from a backup or promoted without all that was acknowledged.

use events::JournalId;
use sqlx::Connection;
use uuid::Uuid;

use super::PostgresJournal;
use super::failure::failure;
use super::migrate::ensure_current;
use super::open::{connect, connecting, read_row};
use super::options::PostgresJournalOptions;
use crate::error::JournalError;
use crate::sqlite::Adopted;

const ADOPT: &str = "give the journal a new id";

impl PostgresJournal {
    /// Gives the journal of a database a new id, in one transaction: its positions from now on are not those that the old
    /// id names. Processes that have it open are refused from then on, and say so.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn adopt(url: &str) -> Result<Adopted, JournalError> {
        let fail = |error| failure(ADOPT, error);
        let options = PostgresJournalOptions::default();
        let connecting = connecting(ADOPT, url, &options)?;
        let mut connection = connect(ADOPT, &connecting, options.connect_timeout).await?;
        ensure_current(ADOPT, &mut connection, &connecting).await?;
        let mut transaction = connection.begin().await.map_err(fail)?;
        sqlx::query("SELECT 1 FROM journal FOR UPDATE").execute(&mut *transaction).await.map_err(fail)?;
        let (previous, head) = read_row(&mut transaction, &connecting).await?;
        let id = JournalId(Uuid::now_v7());
        sqlx::query("UPDATE journal SET journal_id = $1").bind(id.0).execute(&mut *transaction).await.map_err(fail)?;
        // What was carried anywhere was carried under the old id.
        sqlx::query("UPDATE leases SET position = 0").execute(&mut *transaction).await.map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        connection.close().await.map_err(fail)?;
        Ok(Adopted { previous, id, head })
    }
}

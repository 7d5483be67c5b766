//! Making the tables, and changing them: forward only.

use events::JournalId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::failure::failure;
use super::open::{MIGRATE, connect, connecting, place};
use super::options::PostgresJournalOptions;
use super::{PostgresJournal, failure::is_missing};
use crate::error::JournalError;

/// The files of `schemas/sql/postgres`, in order; the first has number 1.
const FILES: [&str; 2] = [
    include_str!("../../../../schemas/sql/postgres/0001-journal.sql"),
    include_str!("../../../../schemas/sql/postgres/0002-leases.sql"),
];

/// How many files this program knows.
pub(super) const KNOWN: i32 = 2;
const _: () = assert!(FILES.len() == 2, "KNOWN counts them");

/// Only one process changes tables; the number names this lock among others of the database.
const LOCK: i64 = 0x006c_6177_6c65_7373;

/// What [`PostgresJournal::migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// How many files had been applied before.
    pub before: i32,
    /// How many are now.
    pub now: i32,
}

impl PostgresJournal {
    /// Makes the tables of a journal in a database, or brings them to what this program knows. Each file is one
    /// transaction; of several processes one does it, and the others find it done.
    ///
    /// # Errors
    /// [`JournalError::Format`] when they are newer than this program, or the database is not in UTF-8; nothing was
    /// changed then.
    pub async fn migrate(url: &str) -> Result<Migrated, JournalError> {
        let fail = |error| failure(MIGRATE, error);
        let options = PostgresJournalOptions::default();
        let connecting = connecting(MIGRATE, url, &options)?;
        let mut connection = connect(MIGRATE, &connecting, options.connect_timeout).await?;
        let encoding: String =
            sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await.map_err(fail)?;
        if encoding != "UTF8" {
            let (found, expected) = (format!("encoding {encoding}"), "UTF8".to_owned());
            return Err(JournalError::Format { path: place(&connecting), found, expected });
        }
        sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.map_err(fail)?;
        let before = applied(&mut connection).await.map_err(fail)?;
        if before > KNOWN {
            return Err(wrong_number(place(&connecting), before));
        }
        for (number, file) in (1..).zip(FILES).skip(usize::try_from(before).unwrap_or_default()) {
            apply(&mut connection, number, file).await.map_err(fail)?;
        }
        // The lock ends with the connection.
        connection.close().await.map_err(fail)?;
        Ok(Migrated { before, now: KNOWN })
    }
}

async fn apply(connection: &mut PgConnection, number: i32, file: &'static str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(file)).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO lawless.migrations (number) VALUES ($1)").bind(number).execute(&mut *transaction).await?;
    if number == 1 {
        sqlx::query(
            "INSERT INTO lawless.journal (journal_id, schema_fingerprint, created_at, head, recorded_at)
             VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, 0)",
        )
        .bind(JournalId(Uuid::now_v7()).0)
        .bind(i64::from(events::schema_fingerprint()))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// How many files were applied; none when there are no tables.
pub(super) async fn applied(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let count = sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM lawless.migrations");
    match count.fetch_one(connection).await {
        Err(error) if is_missing(&error) => Ok(0),
        other => other,
    }
}

/// Says what to do about tables of another age.
pub(super) fn wrong_number(path: String, found: i32) -> JournalError {
    let (found, expected) = match found {
        0 => ("none".to_owned(), format!("{KNOWN} (`lawless migrate` makes it)")),
        found if found < KNOWN => (found.to_string(), format!("{KNOWN} (`lawless migrate` brings it there)")),
        found => (found.to_string(), format!("{KNOWN} (it was made by a newer program)")),
    };
    JournalError::Format { path, found, expected }
}

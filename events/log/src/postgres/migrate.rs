//! Making the tables, and changing them: forward only.

use std::time::Duration;

use events::JournalId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::failure::failure;
use super::open::{Connecting, MIGRATE, connect_patiently, connecting, place};
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
        // A change of large tables takes as long as it takes, and whoever waits for it, too.
        let mut connection = connect_patiently(MIGRATE, &connecting, options.connect_timeout).await?;
        let encoding: String =
            sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut connection).await.map_err(fail)?;
        if encoding != "UTF8" {
            let (found, expected) = (format!("encoding {encoding}"), "UTF8".to_owned());
            return Err(JournalError::Format { path: place(&connecting), found, expected });
        }
        sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.map_err(fail)?;
        let before = applied(&mut connection).await.map_err(fail)?;
        if before > KNOWN {
            return Err(wrong_number(place(&connecting), before, KNOWN));
        }
        for (number, file) in (1..).zip(FILES).skip(usize::try_from(before).unwrap_or_default()) {
            apply(&mut connection, number, file, options.lock_timeout).await.map_err(fail)?;
        }
        // The lock ends with the connection.
        connection.close().await.map_err(fail)?;
        Ok(Migrated { before, now: KNOWN })
    }
}

async fn apply(
    connection: &mut PgConnection,
    number: i32,
    file: &'static str,
    lock_timeout: Duration,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // Whoever waits for a table holds up all who come after him.
    sqlx::query("SELECT set_config('lock_timeout', $1, true)")
        .bind(lock_timeout.as_millis().to_string())
        .execute(&mut *transaction)
        .await?;
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
async fn applied(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let count = sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM lawless.migrations");
    match count.fetch_one(connection).await {
        Err(error) if is_missing(&error) => Ok(0),
        other => other,
    }
}

/// Refuses tables that are not of this program's version.
pub(super) async fn ensure_current(
    operation: &'static str,
    connection: &mut PgConnection,
    connecting: &Connecting,
) -> Result<(), JournalError> {
    let number = applied(connection).await.map_err(|error| failure(operation, error))?;
    if number == KNOWN { Ok(()) } else { Err(wrong_number(place(connecting), number, KNOWN)) }
}

/// Says what to do about tables of another age than `known`.
fn wrong_number(path: String, found: i32, known: i32) -> JournalError {
    let (found, expected) = match found {
        0 => ("none".to_owned(), format!("{known} (`lawless migrate` makes it)")),
        found if found < known => (found.to_string(), format!("{known} (`lawless migrate` brings it there)")),
        found => (found.to_string(), format!("{known} (it was made by a newer program)")),
    };
    JournalError::Format { path, found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_another_age_are_refused_with_what_to_do() {
        for (found, said) in [
            (0, "has journal format none, this program reads 3 (`lawless migrate` makes it)"),
            (2, "has journal format 2, this program reads 3 (`lawless migrate` brings it there)"),
            (4, "has journal format 4, this program reads 3 (it was made by a newer program)"),
        ] {
            assert_eq!(wrong_number("db/x".to_owned(), found, 3).to_string(), format!("db/x {said}"));
        }
    }
}

//! Who does what only one process at a time needs to do.

use std::time::Duration;

use events::Position;
use sqlx::postgres::PgPool;
use uuid::Uuid;

use super::failure::failure;
use crate::error::JournalError;

/// The right to a piece of work, as a row that ends by itself. Whoever was paused beyond its end does not know that it
/// has another holder: the work must bear two at once.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pool: PgPool,
    name: &'static str,
    holder: Uuid,
    lasts: Duration,
}

impl Lease {
    pub(super) fn new(pool: PgPool, name: &'static str, lasts: Duration) -> Self {
        Self { pool, name, holder: Uuid::now_v7(), lasts }
    }

    /// Takes it if it is free, and takes it further if it is held here. False: another one holds it.
    pub(crate) async fn take(&self) -> Result<bool, JournalError> {
        let taken = sqlx::query(
            "INSERT INTO leases AS kept (name, holder, expires_at)
             VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE kept.holder = excluded.holder OR kept.expires_at < clock_timestamp()",
        )
        .bind(self.name)
        .bind(self.holder)
        .bind(i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await
        .map_err(|error| failure("take a lease", error))?;
        Ok(taken.rows_affected() == 1)
    }

    /// Gives it back, so that another one can take it at once.
    pub(crate) async fn give_back(&self) -> Result<(), JournalError> {
        sqlx::query("UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2")
            .bind(self.name)
            .bind(self.holder)
            .execute(&self.pool)
            .await
            .map_err(|error| failure("give a lease back", error))?;
        Ok(())
    }

    /// How far the work has come, whoever did it.
    pub(crate) async fn progress(&self) -> Result<Position, JournalError> {
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM leases WHERE name = $1")
            .bind(self.name)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| failure("read a lease", error))?;
        Ok(Position(position.unwrap_or(0).unsigned_abs()))
    }

    /// Says how far the work has come; it never goes back. Whoever has lost the lease has nothing to say any more.
    pub(crate) async fn report(&self, position: Position) -> Result<(), JournalError> {
        sqlx::query("UPDATE leases SET position = $2 WHERE name = $1 AND position < $2 AND holder = $3")
            .bind(self.name)
            .bind(position.0.cast_signed())
            .bind(self.holder)
            .execute(&self.pool)
            .await
            .map_err(|error| failure("report on a lease", error))?;
        Ok(())
    }

    /// Takes it from whoever holds it, and forgets how far the work had come: it begins anew.
    pub(crate) async fn begin_anew(&self) -> Result<(), JournalError> {
        sqlx::query(
            "UPDATE leases SET position = 0, holder = $2, expires_at = clock_timestamp() + $3 * interval '1 millisecond'
             WHERE name = $1",
        )
            .bind(self.name)
            .bind(self.holder)
            .bind(i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(|error| failure("begin a lease's work anew", error))?;
        Ok(())
    }
}

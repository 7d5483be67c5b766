//! Who does what only one process at a time needs to do.

use std::time::Duration;

use async_trait::async_trait;
use events::Position;
use uuid::Uuid;

use super::pool::Connections;
use super::rows::Columns;
use crate::error::JournalError;
use crate::port::Turn;

/// The right to a piece of work, as a row that ends by itself. Whoever was paused beyond its end does not know that it
/// has another holder: the work must bear two at once.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    connections: Connections,
    name: String,
    holder: Uuid,
    lasts: Duration,
}

impl Lease {
    pub(super) fn new(connections: Connections, name: &str, lasts: Duration) -> Self {
        Self { connections, name: name.to_owned(), holder: Uuid::now_v7(), lasts }
    }

    /// Takes it if it is free, and takes it further if it is held here. False: another one holds it.
    pub(crate) async fn take(&self) -> Result<bool, JournalError> {
        let query = sqlx::query(
            "INSERT INTO leases AS kept (name, holder, expires_at)
             VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE kept.holder = excluded.holder OR kept.expires_at < clock_timestamp()",
        )
        .bind(&self.name)
        .bind(self.holder)
        .bind(i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX));
        Ok(self.connections.execute("take a lease", query).await? == 1)
    }

    /// Gives it back, so that another one can take it at once.
    pub(crate) async fn give_back(&self) -> Result<(), JournalError> {
        let query = sqlx::query("UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2")
            .bind(&self.name)
            .bind(self.holder);
        self.connections.execute("give a lease back", query).await?;
        Ok(())
    }

    /// How far the work has come, whoever did it.
    pub(crate) async fn progress(&self) -> Result<Position, JournalError> {
        const READ: &str = "read a lease";
        let query = sqlx::query("SELECT position FROM leases WHERE name = $1").bind(&self.name);
        let Some(row) = self.connections.optional(READ, query).await? else { return Ok(Position::ZERO) };
        Ok(Position(Columns { operation: READ, row: &row }.number(0)?))
    }

    /// Says how far the work has come; it never goes back. Whoever has lost the lease has nothing to say any more.
    pub(crate) async fn report(&self, position: Position) -> Result<(), JournalError> {
        let query = sqlx::query("UPDATE leases SET position = $2 WHERE name = $1 AND position < $2 AND holder = $3")
            .bind(&self.name)
            .bind(position.0.cast_signed())
            .bind(self.holder);
        self.connections.execute("report on a lease", query).await?;
        Ok(())
    }

    /// Takes it from whoever holds it, and forgets how far the work had come: it begins anew.
    pub(crate) async fn begin_anew(&self) -> Result<(), JournalError> {
        let query = sqlx::query(
            "UPDATE leases SET position = 0, holder = $2, expires_at = clock_timestamp() + $3 * interval '1 millisecond'
             WHERE name = $1",
        )
            .bind(&self.name)
            .bind(self.holder)
            .bind(i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX));
        self.connections.execute("begin a lease's work anew", query).await?;
        Ok(())
    }
}

#[async_trait]
impl Turn for Lease {
    async fn take(&self) -> Result<bool, JournalError> {
        Self::take(self).await
    }

    async fn give_back(&self) -> Result<(), JournalError> {
        Self::give_back(self).await
    }
}

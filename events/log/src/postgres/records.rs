//! All rows besides the events, page by page.

use async_trait::async_trait;
use events::{JournalId, Position, StreamVersion, Timestamp};
use uuid::Uuid;

use super::PostgresJournal;
use super::reader::bounded;
use super::rows::Columns;
use crate::append::IdempotencyKey;
use crate::error::JournalError;
use crate::port::Snapshot;
use crate::records::{JournalRecords, JournalStand, StoredClaim, StoredKey, StoredSnapshot};

#[async_trait]
impl JournalRecords for PostgresJournal {
    async fn stand(&self) -> Result<JournalStand, JournalError> {
        const READ: &str = "read where the journal stands";
        let query = sqlx::query("SELECT journal_id, created_at, head, recorded_at FROM journal");
        let row = self.parts.reader.connections.one(READ, query).await?;
        let columns = Columns { operation: READ, row: &row };
        Ok(JournalStand {
            id: JournalId(columns.get(0)?),
            created_at: Timestamp(columns.get(1)?),
            head: Position(columns.number(2)?),
            recorded_at: Timestamp(columns.get(3)?),
        })
    }

    async fn keys(&self, after: Position, limit: usize) -> Result<Vec<StoredKey>, JournalError> {
        const READ: &str = "read the idempotency keys";
        let query = sqlx::query(
            "SELECT first_position, last_position, actor, key, payload_hash FROM idempotency_keys
             WHERE first_position > $1 ORDER BY first_position LIMIT $2",
        )
        .bind(bounded(after.0))
        .bind(bounded(limit as u64));
        let rows = self.parts.reader.connections.all(READ, query).await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { operation: READ, row };
                let hash: &[u8] = columns.get(4)?;
                let payload_hash = hash.try_into().map_err(|_| JournalError::Corrupt {
                    operation: READ,
                    reason: format!("a payload hash of {} bytes", hash.len()),
                })?;
                Ok(StoredKey {
                    first: Position(columns.number(0)?),
                    last: Position(columns.number(1)?),
                    key: IdempotencyKey { actor: columns.get(2)?, key: columns.get(3)? },
                    payload_hash,
                })
            })
            .collect()
    }

    async fn claims(&self, after: Option<&StoredClaim>, limit: usize) -> Result<Vec<StoredClaim>, JournalError> {
        const READ: &str = "read the claims";
        let (kind, value) = after.map_or(("", ""), |after| (after.kind.as_str(), after.value.as_str()));
        let query = sqlx::query(
            "SELECT kind, value, stream_kind, stream_id FROM claims
             WHERE (kind, value) > ($1, $2) ORDER BY kind, value LIMIT $3",
        )
        .bind(kind)
        .bind(value)
        .bind(bounded(limit as u64));
        let rows = self.parts.reader.connections.all(READ, query).await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { operation: READ, row };
                Ok(StoredClaim { kind: columns.get(0)?, value: columns.get(1)?, stream: columns.stream(2, 3)? })
            })
            .collect()
    }

    async fn snapshots(
        &self,
        after: Option<&StoredSnapshot>,
        limit: usize,
    ) -> Result<Vec<StoredSnapshot>, JournalError> {
        const READ: &str = "read the snapshots";
        let (kind, id) = after.map_or(("", Uuid::nil()), |after| (after.stream.kind.name(), after.stream.id));
        let query = sqlx::query(
            "SELECT stream_kind, stream_id, version, format, state FROM snapshots
             WHERE (stream_kind, stream_id) > ($1, $2) ORDER BY stream_kind, stream_id LIMIT $3",
        )
        .bind(kind)
        .bind(id)
        .bind(bounded(limit as u64));
        let rows = self.parts.reader.connections.all(READ, query).await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { operation: READ, row };
                let version = StreamVersion(columns.number(2)?);
                let snapshot = Snapshot { version, format: columns.number(3)?, state: columns.get(4)? };
                Ok(StoredSnapshot { stream: columns.stream(0, 1)?, snapshot })
            })
            .collect()
    }
}

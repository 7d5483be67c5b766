//! Reads, on connections of their own: they never wait for the writer.

use std::sync::LazyLock;

use events::{JournalId, Position, RecordedEvent, StreamId, StreamVersion};
use sqlx::sqlite::SqlitePool;

use super::bulk::{Bulk, FIND_CLAIMS_OF};
use super::failure::failure;
use super::rows::{Columns, event_columns, packed_columns, packed_event, recorded_event};
use crate::append::{Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::JournalError;
use crate::port::{KeyRecord, Snapshot};

/// All of a command's names in one round trip.
static FIND_CLAIMS: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(FIND_CLAIMS_OF.0, 3, FIND_CLAIMS_OF.1));

// A limit that is a parameter alone is part of the plan: SQLite would prepare the statement anew whenever it is bound.
// As part of a sum it is not.

/// What the journal and its feed read with.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) id: JournalId,
    pub(super) pool: SqlitePool,
}

impl Reader {
    /// Events after a position, dense.
    pub(super) async fn events(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        const READ: &str = "read the feed";
        let rows = sqlx::query(concat!(
            "SELECT ",
            packed_columns!(),
            " FROM events WHERE position > ? ORDER BY position LIMIT 0 + ?"
        ))
        .bind(bounded(after.0))
        .bind(bounded(limit as u64))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| failure(READ, error))?;
        let mut events = Vec::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(1..) {
            let event = packed_event(READ, row)?;
            let expected = Position(after.0 + number);
            if event.position != expected {
                let reason = format!("{expected} is missing before {}", event.position);
                return Err(JournalError::Corrupt { operation: READ, reason });
            }
            events.push(event);
        }
        Ok(events)
    }

    /// Events of a stream after a version, dense.
    pub(super) async fn stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        const READ: &str = "read a stream";
        let rows = sqlx::query(concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE stream_id = ? AND stream_kind = ? AND version > ? ORDER BY version LIMIT 0 + ?"
        ))
        .bind(stream.id.as_bytes().as_slice())
        .bind(stream.kind.name())
        .bind(bounded(after.0))
        .bind(bounded(limit as u64))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| failure(READ, error))?;
        let mut events = Vec::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(1..) {
            let event = recorded_event(READ, row)?;
            let expected = StreamVersion(after.0 + number);
            if event.header.version != expected {
                let reason = format!("{stream} has no version {expected} before {}", event.header.version);
                return Err(JournalError::Corrupt { operation: READ, reason });
            }
            events.push(event);
        }
        Ok(events)
    }

    /// What was accepted under a key.
    pub(super) async fn key(&self, key: &IdempotencyKey) -> Result<Option<KeyRecord>, JournalError> {
        const READ: &str = "find an idempotency key";
        let row = sqlx::query(
            "SELECT k.payload_hash, k.first_position, k.last_position, e.stream_kind, e.stream_id, e.version
             FROM idempotency_keys k JOIN events e ON e.position = k.last_position
             WHERE k.actor = ? AND k.key = ?",
        )
        .bind(key.actor.as_str())
        .bind(key.key.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| failure(READ, error))?;
        row.map(|row| key_record(&Columns { operation: READ, row: &row }, 0)).transpose()
    }

    /// Who holds each of these names.
    pub(super) async fn claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError> {
        const READ: &str = "find claims";
        let mut connection = self.pool.acquire().await.map_err(|error| failure(READ, error))?;
        let numbered: Vec<_> = (0_i64..).zip(claims).collect();
        let rows = FIND_CLAIMS.fetch(&mut connection, &numbered, |row, (number, claim)| {
            row.bind(*number).bind(claim.kind.name()).bind(claim.value.as_str());
        });
        let mut holders = vec![None; claims.len()];
        for row in rows.await.map_err(|error| failure(READ, error))? {
            let columns = Columns { operation: READ, row: &row };
            let number: usize = columns.number(0)?;
            holders[number] = Some(columns.stream(1, 2)?);
        }
        Ok(holders)
    }

    /// Names of a kind that begin with a prefix, in byte order.
    pub(super) async fn claims_of(
        &self,
        kind: ClaimKind,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, StreamId)>, JournalError> {
        const READ: &str = "list claims";
        // Text is compared byte by byte, and no byte of UTF-8 is above 0xf4: what begins with the prefix lies between
        // the prefix and the prefix with the highest character there is.
        let end = format!("{prefix}{}", char::MAX);
        let rows = sqlx::query(
            "SELECT value, stream_kind, stream_id FROM claims
             WHERE kind = ? AND value > ? AND value >= ? AND value < ? ORDER BY value LIMIT 0 + ?",
        )
        .bind(kind.name())
        .bind(after)
        .bind(prefix)
        .bind(end)
        .bind(bounded(limit as u64))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| failure(READ, error))?;
        rows.iter()
            .map(|row| {
                let columns = Columns { operation: READ, row };
                Ok((columns.get(0)?, columns.stream(1, 2)?))
            })
            .collect()
    }

    /// The newest snapshot of a stream.
    pub(super) async fn snapshot(&self, stream: StreamId) -> Result<Option<Snapshot>, JournalError> {
        const READ: &str = "load a snapshot";
        let row = sqlx::query("SELECT version, format, state FROM snapshots WHERE stream_kind = ? AND stream_id = ?")
            .bind(stream.kind.name())
            .bind(stream.id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| failure(READ, error))?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { operation: READ, row: &row };
        let version = StreamVersion(columns.number(0)?);
        Ok(Some(Snapshot { version, format: columns.number(1)?, state: columns.get(2)? }))
    }
}

/// A key's record from payload hash, first and last position, and the stream and version of its last event.
pub(super) fn key_record(columns: &Columns<'_>, at: usize) -> Result<KeyRecord, JournalError> {
    let hash: &[u8] = columns.get(at)?;
    let payload_hash = hash.try_into().map_err(|_| JournalError::Corrupt {
        operation: columns.operation,
        reason: format!("a payload hash of {} bytes", hash.len()),
    })?;
    Ok(KeyRecord {
        payload_hash,
        appended: Appended {
            stream: columns.stream(at + 3, at + 4)?,
            version: StreamVersion(columns.number(at + 5)?),
            first: Position(columns.number(at + 1)?),
            last: Position(columns.number(at + 2)?),
            replayed: true,
        },
    })
}

/// SQLite's numbers are signed; nothing stored is beyond them, so the largest stands for all above.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! Reads, on connections of their own: they never wait for the writer.

use events::{EventId, JournalId, Position, RecordedEvent, StreamId, StreamVersion, Timestamp};
use sqlx::postgres::PgRow;

use super::pool::Connections;
use super::rows::{Columns, event_columns, recorded_event};
use super::seen::{Seen, ensure_same, went_back};
use crate::append::{Appended, Claim, ClaimKind, IdempotencyKey};
use crate::error::JournalError;
use crate::port::{KeyRecord, Snapshot, Watermark};

/// The column behind [`event_columns`].
const JOURNAL_ID_AT: usize = 16;

/// What the journal and its feed read with.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) id: JournalId,
    pub(super) connections: Connections,
    pub(super) seen: Seen,
}

impl Reader {
    /// The newest position.
    pub(super) async fn head(&self) -> Result<Position, JournalError> {
        const READ: &str = "read the head";
        // Before the question: meanwhile the head gets higher.
        let seen = self.seen.head();
        let row = self.connections.one(READ, sqlx::query("SELECT journal_id, head FROM journal")).await?;
        let columns = Columns { operation: READ, row: &row };
        ensure_same(READ, self.id, JournalId(columns.get(0)?))?;
        let head = Position(columns.number(1)?);
        if head < seen {
            return Err(went_back(READ, &format!("the counter says {head} after {seen} was reached")));
        }
        self.seen.note_head(head);
        Ok(head)
    }

    /// The time, and the head as it was then or later: two statements, for one sees nothing that came after it began.
    pub(super) async fn watermark(&self) -> Result<Option<Watermark>, JournalError> {
        const READ: &str = "read the head";
        let query = sqlx::query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
        let row = self.connections.one(READ, query).await?;
        let time = Columns { operation: READ, row: &row }.get(0)?;
        let query = sqlx::query("SELECT position, event_id FROM events ORDER BY position DESC LIMIT 1");
        let row = self.connections.optional(READ, query).await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { operation: READ, row: &row };
        let (head, event_id) = (Position(columns.number(0)?), EventId(columns.get(1)?));
        Ok(Some(Watermark { time: Timestamp(time), head, event_id }))
    }

    /// Events after a position, dense, of the journal that it was when the event before them was read.
    pub(super) async fn events(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        const READ: &str = "read the feed";
        let known = self.seen.end(after);
        // Where a page ended the next one begins with the same event, to be compared.
        let (from, more) = if known.is_some() { (after.0, 1) } else { (after.0.saturating_add(1), 0) };
        let query = sqlx::query(concat!(
            "SELECT ",
            event_columns!(),
            ", (SELECT journal_id FROM journal) FROM events WHERE position >= $1 ORDER BY position LIMIT $2"
        ))
        .bind(bounded(from))
        .bind(bounded((limit as u64).saturating_add(more)));
        let rows = self.connections.all(READ, query).await?;
        if let Some(row) = rows.first() {
            ensure_same(READ, self.id, JournalId(Columns { operation: READ, row }.get(JOURNAL_ID_AT)?))?;
        }
        let mut rows = rows.iter();
        if let Some(known) = known {
            let found = rows.next().map(|row| recorded_event(READ, row)).transpose()?;
            let found = found.map(|event| (event.position, event.header.event_id));
            if found != Some((after, known)) {
                return Err(went_back(READ, &format!("position {after} was event {known}, and is not any more")));
            }
        }
        let mut events = Vec::with_capacity(rows.len());
        for (row, number) in rows.zip(1..) {
            let event = recorded_event(READ, row)?;
            let expected = Position(after.0 + number);
            if event.position != expected {
                let reason = format!("{expected} is missing before {}", event.position);
                return Err(JournalError::Corrupt { operation: READ, reason });
            }
            events.push(event);
        }
        if let Some(last) = events.last() {
            self.seen.note_head(last.position);
            self.seen.note_end(last.position, last.header.event_id);
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
        let query = sqlx::query(concat!(
            "SELECT ",
            event_columns!(),
            " FROM events WHERE stream_id = $1 AND stream_kind = $2 AND version > $3 ORDER BY version LIMIT $4"
        ))
        .bind(stream.id)
        .bind(stream.kind.name())
        .bind(bounded(after.0))
        .bind(bounded(limit as u64));
        let rows = self.connections.all(READ, query).await?;
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
        let query = sqlx::query(
            "SELECT k.payload_hash, k.first_position, k.last_position, e.stream_kind, e.stream_id, e.version
             FROM idempotency_keys k JOIN events e ON e.position = k.last_position
             WHERE k.actor = $1 AND k.key = $2",
        )
        .bind(key.actor.as_str())
        .bind(key.key.as_str());
        let row = self.connections.optional(READ, query).await?;
        row.map(|row| key_record(READ, &row)).transpose()
    }

    /// Who holds each of these names.
    pub(super) async fn claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError> {
        const READ: &str = "find claims";
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let kinds: Vec<&str> = claims.iter().map(|claim| claim.kind.name()).collect();
        let values: Vec<&str> = claims.iter().map(|claim| claim.value.as_str()).collect();
        let query = sqlx::query(
            "SELECT w.n - 1, c.stream_kind, c.stream_id
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (kind, value, n)
             CROSS JOIN LATERAL (SELECT stream_kind, stream_id FROM claims
                                 WHERE kind = w.kind AND value = w.value LIMIT 1) c",
        )
        .bind(kinds)
        .bind(values);
        let rows = self.connections.all(READ, query).await?;
        let mut holders = vec![None; claims.len()];
        for row in rows {
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
        // The collation is "C", byte by byte, and no byte of UTF-8 is above 0xf4: what begins with the prefix lies
        // between the prefix and the prefix with the highest character there is.
        let end = format!("{prefix}{}", char::MAX);
        let query = sqlx::query(
            "SELECT value, stream_kind, stream_id FROM claims
             WHERE kind = $1 AND value > $2 AND value >= $3 AND value < $4 ORDER BY value LIMIT $5",
        )
        .bind(kind.name())
        .bind(after)
        .bind(prefix)
        .bind(end)
        .bind(bounded(limit as u64));
        let rows = self.connections.all(READ, query).await?;
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
        let query =
            sqlx::query("SELECT version, format, state FROM snapshots WHERE stream_kind = $1 AND stream_id = $2")
                .bind(stream.kind.name())
                .bind(stream.id);
        let row = self.connections.optional(READ, query).await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { operation: READ, row: &row };
        let version = StreamVersion(columns.number(0)?);
        Ok(Some(Snapshot { version, format: columns.number(1)?, state: columns.get(2)? }))
    }

    /// Keeps a snapshot unless a newer one is kept. It needs no lock: nothing is decided on it.
    pub(super) async fn store_snapshot(&self, stream: StreamId, snapshot: &Snapshot) -> Result<(), JournalError> {
        const SAVE: &str = "save a snapshot";
        let query = sqlx::query(
            "INSERT INTO snapshots AS kept (stream_kind, stream_id, version, format, state) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (stream_kind, stream_id) DO UPDATE
             SET version = excluded.version, format = excluded.format, state = excluded.state
             WHERE excluded.version > kept.version",
        )
        .bind(stream.kind.name())
        .bind(stream.id)
        .bind(snapshot.version.0.cast_signed())
        .bind(i64::from(snapshot.format))
        .bind(snapshot.state.as_slice());
        self.connections.execute(SAVE, query).await?;
        Ok(())
    }
}

/// A key's record from payload hash, first and last position, and the stream and version of its last event.
fn key_record(operation: &'static str, row: &PgRow) -> Result<KeyRecord, JournalError> {
    let columns = Columns { operation, row };
    let hash: &[u8] = columns.get(0)?;
    let payload_hash = hash
        .try_into()
        .map_err(|_| JournalError::Corrupt { operation, reason: format!("a payload hash of {} bytes", hash.len()) })?;
    Ok(KeyRecord {
        payload_hash,
        appended: Appended {
            stream: columns.stream(3, 4)?,
            version: StreamVersion(columns.number(5)?),
            first: Position(columns.number(1)?),
            last: Position(columns.number(2)?),
            replayed: true,
        },
    })
}

/// A number for PostgreSQL; larger ones mean the same as the largest.
pub(super) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

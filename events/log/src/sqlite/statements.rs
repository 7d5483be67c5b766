//! What the writer asks and stores inside its transaction.

use std::collections::HashSet;
use std::hash::Hash;

use events::{Position, StreamId, StreamVersion, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::batch::{Decided, Known};
use super::bulk::{Bulk, FIND_CLAIMS_OF};
use super::failure::failure;
use super::reader::key_record;
use super::rows::{Columns, event_columns};
use crate::append::{Claim, IdempotencyKey};
use crate::error::JournalError;
use crate::port::Snapshot;
use crate::prepared::Prepared;

const APPEND: &str = "append";

/// The writer's statements, their texts made once.
pub(super) struct Statements {
    find_keys: Bulk,
    find_claims: Bulk,
    find_versions: Bulk,
    insert_events: Bulk,
    insert_keys: Bulk,
    insert_claims: Bulk,
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            // CROSS JOIN keeps the order of the tables, so that each wanted row is one look into the index.
            find_keys: Bulk::new(
                "WITH wanted (actor, key) AS (",
                2,
                ") SELECT k.actor, k.key, k.payload_hash, k.first_position, k.last_position,
                          e.stream_kind, e.stream_id, e.version
                   FROM wanted
                   CROSS JOIN idempotency_keys k ON k.actor = wanted.actor AND k.key = wanted.key
                   CROSS JOIN events e ON e.position = k.last_position",
            ),
            find_claims: Bulk::new(FIND_CLAIMS_OF.0, 3, FIND_CLAIMS_OF.1),
            find_versions: Bulk::new(
                "WITH wanted (n, kind, id) AS (",
                3,
                ") SELECT n, (SELECT e.version FROM events e
                              WHERE e.stream_id = wanted.id AND e.stream_kind = wanted.kind
                              ORDER BY e.version DESC LIMIT 1)
                   FROM wanted WHERE n IS NOT NULL",
            ),
            insert_events: Bulk::new(concat!("INSERT INTO events (", event_columns!(), ")"), 16, ""),
            insert_keys: Bulk::new(
                "INSERT INTO idempotency_keys (first_position, last_position, actor, key, payload_hash)",
                5,
                "",
            ),
            insert_claims: Bulk::new("INSERT INTO claims (kind, value, stream_kind, stream_id)", 4, ""),
        }
    }

    /// Everything that is stored about what the commands name.
    pub(super) async fn look_up(
        &self,
        connection: &mut SqliteConnection,
        batch: &[&Prepared],
    ) -> Result<Known, JournalError> {
        let keys = distinct(batch.iter().map(|prepared| &prepared.append.key));
        let claims = distinct(batch.iter().flat_map(|prepared| &prepared.append.claims));
        let streams = distinct(batch.iter().flat_map(|prepared| {
            let append = &prepared.append;
            std::iter::once(&append.stream).chain(append.reads.iter().map(|read| &read.stream))
        }));
        let mut known = Known::default();
        self.look_up_keys(connection, &keys, &mut known).await?;
        self.look_up_claims(connection, &claims, &mut known).await?;
        self.look_up_versions(connection, &streams, &mut known).await?;
        Ok(known)
    }

    async fn look_up_keys(
        &self,
        connection: &mut SqliteConnection,
        keys: &[&IdempotencyKey],
        known: &mut Known,
    ) -> Result<(), JournalError> {
        let rows = self.find_keys.fetch(connection, keys, |row, key| {
            row.bind(key.actor.as_str()).bind(key.key.as_str());
        });
        for row in rows.await.map_err(|error| failure(APPEND, error))? {
            let columns = Columns { operation: APPEND, row: &row };
            let key = IdempotencyKey { actor: columns.get(0)?, key: columns.get(1)? };
            known.keys.insert(key, key_record(&columns, 2)?);
        }
        Ok(())
    }

    async fn look_up_claims(
        &self,
        connection: &mut SqliteConnection,
        claims: &[&Claim],
        known: &mut Known,
    ) -> Result<(), JournalError> {
        let numbered: Vec<_> = (0_i64..).zip(claims).collect();
        let rows = self.find_claims.fetch(connection, &numbered, |row, (number, claim)| {
            row.bind(*number).bind(claim.kind.name()).bind(claim.value.as_str());
        });
        for row in rows.await.map_err(|error| failure(APPEND, error))? {
            let columns = Columns { operation: APPEND, row: &row };
            let number: usize = columns.number(0)?;
            known.claims.insert(claims[number].clone(), columns.stream(1, 2)?);
        }
        Ok(())
    }

    async fn look_up_versions(
        &self,
        connection: &mut SqliteConnection,
        streams: &[&StreamId],
        known: &mut Known,
    ) -> Result<(), JournalError> {
        let numbered: Vec<_> = (0_i64..).zip(streams).collect();
        let rows = self.find_versions.fetch(connection, &numbered, |row, (number, stream)| {
            row.bind(*number).bind(stream.kind.name()).bind(stream.id.as_bytes().as_slice());
        });
        for row in rows.await.map_err(|error| failure(APPEND, error))? {
            let columns = Columns { operation: APPEND, row: &row };
            if columns.get::<Option<i64>>(1)?.is_some() {
                let number: usize = columns.number(0)?;
                known.versions.insert(*streams[number], StreamVersion(columns.number(1)?));
            }
        }
        Ok(())
    }

    /// Stores what was decided, and counts the head up.
    pub(super) async fn store(
        &self,
        connection: &mut SqliteConnection,
        decided: &Decided<'_>,
        recorded_at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        self.insert_events
            .execute(connection, &decided.events, |row, event| {
                let append = event.append;
                row.bind(event.position.0.cast_signed())
                    .bind(append.stream.kind.name())
                    .bind(append.stream.id.as_bytes().as_slice())
                    .bind(event.version.0.cast_signed())
                    .bind(event.event.event_id.0.as_bytes().as_slice())
                    .bind(event.event.event_type)
                    .bind(i64::from(event.event.schema_version))
                    .bind(event.recorded_at.0)
                    .bind(event.event.occurred_at.0)
                    .bind(append.actor.kind.name())
                    .bind(append.actor.id.as_str())
                    .bind(append.causation.as_ref().map(|cause| cause.0.as_bytes().as_slice()))
                    .bind(append.correlation.as_bytes().as_slice())
                    .bind(append.command_id.0.as_bytes().as_slice())
                    .bind(i64::from(event.checksum))
                    .bind(event.event.payload.as_slice());
            })
            .await?;
        self.insert_keys
            .execute(connection, &decided.keys, |row, key| {
                row.bind(key.first.0.cast_signed())
                    .bind(key.last.0.cast_signed())
                    .bind(key.append.key.actor.as_str())
                    .bind(key.append.key.key.as_str())
                    .bind(key.append.payload_hash.as_slice());
            })
            .await?;
        self.insert_claims
            .execute(connection, &decided.claims, |row, (claim, stream)| {
                row.bind(claim.kind.name())
                    .bind(claim.value.as_str())
                    .bind(stream.kind.name())
                    .bind(stream.id.as_bytes().as_slice());
            })
            .await?;
        sqlx::query("UPDATE journal SET head = ?, recorded_at = ?")
            .bind(decided.head.0.cast_signed())
            .bind(recorded_at.0)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// The counter and the time of the newest event, behind the lock.
pub(super) async fn read_counter(connection: &mut SqliteConnection) -> Result<(Position, Timestamp), JournalError> {
    let row = sqlx::query("SELECT head, recorded_at FROM journal")
        .fetch_one(connection)
        .await
        .map_err(|error| failure(APPEND, error))?;
    let columns = Columns { operation: APPEND, row: &row };
    Ok((Position(columns.number(0)?), Timestamp(columns.get(1)?)))
}

/// Keeps a snapshot unless a newer one is kept.
pub(super) async fn store_snapshot(
    connection: &mut SqliteConnection,
    stream: StreamId,
    snapshot: &Snapshot,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO snapshots (stream_kind, stream_id, version, format, state) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (stream_kind, stream_id) DO UPDATE
         SET version = excluded.version, format = excluded.format, state = excluded.state
         WHERE excluded.version > snapshots.version",
    )
    .bind(stream.kind.name())
    .bind(stream.id.as_bytes().as_slice())
    .bind(snapshot.version.0.cast_signed())
    .bind(i64::from(snapshot.format))
    .bind(snapshot.state.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the oldest keys that were used before a time, at most `limit` of them; says how many.
pub(super) async fn remove_old_keys(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    // The inner limit bounds the work also when none of the oldest is old enough.
    let done = sqlx::query(
        "DELETE FROM idempotency_keys WHERE first_position IN (
             SELECT oldest.first_position
             FROM (SELECT first_position FROM idempotency_keys ORDER BY first_position LIMIT 0 + ?) oldest
             CROSS JOIN events e ON e.position = oldest.first_position
             WHERE e.recorded_at < ?)",
    )
    .bind(i64::from(limit))
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

fn distinct<'b, T: Eq + Hash>(all: impl Iterator<Item = &'b T>) -> Vec<&'b T> {
    let mut seen = HashSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

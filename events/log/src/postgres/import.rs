//! Filling an empty journal with another one's rows: all of them in one transaction, or none.

use events::{JournalId, RecordedEvent};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Row};

use super::failure::failure;
use super::migrate::ensure_current;
use super::open::{check_schemas, connect_patiently, connecting};
use super::options::PostgresJournalOptions;
use crate::error::JournalError;
use crate::records::{JournalStand, StoredClaim, StoredKey, StoredSnapshot};

const IMPORT: &str = "copy a journal";

/// A journal in the making. Nobody sees anything of it before [`commit`](Self::commit); dropped, there is nothing.
#[derive(Debug)]
pub struct PostgresImport {
    connection: PgConnection,
}

/// What a database had that a journal was to be copied into.
#[derive(Debug)]
pub enum ImportTarget {
    /// An empty journal, which is locked now.
    Empty(PostgresImport),
    /// That same journal: it was copied before.
    Same,
    /// Another one.
    Occupied {
        /// Which.
        id: JournalId,
        /// Its newest position.
        head: u64,
    },
}

impl PostgresImport {
    /// Looks what is in a database, and locks it if it is an empty journal.
    ///
    /// # Errors
    /// [`JournalError::Format`] when the database has no tables of this version; [`JournalError::Unavailable`] when it
    /// cannot be reached.
    pub async fn begin(url: &str, journal: JournalId) -> Result<ImportTarget, JournalError> {
        let fail = |error| failure(IMPORT, error);
        let options = PostgresJournalOptions::default();
        let connecting = connecting(IMPORT, url, &options)?;
        let mut connection = connect_patiently(IMPORT, &connecting, options.connect_timeout).await?;
        ensure_current(IMPORT, &mut connection, &connecting).await?;
        connection.execute("BEGIN").await.map_err(fail)?;
        let row = sqlx::query(
            "SELECT journal_id, head, schema_fingerprint,
                    EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM idempotency_keys)
                        OR EXISTS (SELECT 1 FROM claims) OR EXISTS (SELECT 1 FROM snapshots)
             FROM journal FOR UPDATE",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(fail)?;
        let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        let (id, head, fingerprint, has_rows): (_, i64, i64, bool) = read().map_err(fail)?;
        check_schemas(&connecting, fingerprint)?;
        let id = JournalId(id);
        if id == journal {
            return Ok(ImportTarget::Same);
        }
        if head != 0 || has_rows {
            return Ok(ImportTarget::Occupied { id, head: head.cast_unsigned() });
        }
        Ok(ImportTarget::Empty(Self { connection }))
    }

    /// Takes events, with the positions that they have.
    ///
    /// # Errors
    /// [`JournalError`]; nothing of the import is kept then.
    pub async fn events(&mut self, events: &[RecordedEvent]) -> Result<(), JournalError> {
        let mut rows = EventColumns::default();
        events.iter().for_each(|event| rows.push(event));
        sqlx::query(
            "INSERT INTO events (position, stream_kind, stream_id, version, event_id, event_type, schema_version,
                                 recorded_at, occurred_at, actor_kind, actor_id, causation, correlation, command_id,
                                 crc32c, payload)
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[],
                                  $7::integer[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::uuid[],
                                  $13::uuid[], $14::uuid[], $15::bigint[], $16::bytea[])",
        )
        .bind(rows.position)
        .bind(rows.stream_kind)
        .bind(rows.stream_id)
        .bind(rows.version)
        .bind(rows.event_id)
        .bind(rows.event_type)
        .bind(rows.schema_version)
        .bind(rows.recorded_at)
        .bind(rows.occurred_at)
        .bind(rows.actor_kind)
        .bind(rows.actor_id)
        .bind(rows.causation)
        .bind(rows.correlation)
        .bind(rows.command_id)
        .bind(rows.crc32c)
        .bind(rows.payload)
        .execute(&mut self.connection)
        .await
        .map_err(|error| failure(IMPORT, error))?;
        Ok(())
    }

    /// Takes keys.
    ///
    /// # Errors
    /// As for events.
    pub async fn keys(&mut self, keys: &[StoredKey]) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO idempotency_keys (first_position, last_position, actor, key, payload_hash)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])",
        )
        .bind(keys.iter().map(|key| key.first.0.cast_signed()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.last.0.cast_signed()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.key.actor.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.key.key.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.payload_hash.as_slice()).collect::<Vec<_>>())
        .execute(&mut self.connection)
        .await
        .map_err(|error| failure(IMPORT, error))?;
        Ok(())
    }

    /// Takes claims.
    ///
    /// # Errors
    /// As for events.
    pub async fn claims(&mut self, claims: &[StoredClaim]) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO claims (kind, value, stream_kind, stream_id)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[])",
        )
        .bind(claims.iter().map(|claim| claim.kind.as_str()).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.value.as_str()).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.stream.kind.name()).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.stream.id).collect::<Vec<_>>())
        .execute(&mut self.connection)
        .await
        .map_err(|error| failure(IMPORT, error))?;
        Ok(())
    }

    /// Takes snapshots.
    ///
    /// # Errors
    /// As for events.
    pub async fn snapshots(&mut self, snapshots: &[StoredSnapshot]) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO snapshots (stream_kind, stream_id, version, format, state)
             SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bytea[])",
        )
        .bind(snapshots.iter().map(|one| one.stream.kind.name()).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|one| one.stream.id).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|one| one.snapshot.version.0.cast_signed()).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|one| i64::from(one.snapshot.format)).collect::<Vec<_>>())
        .bind(snapshots.iter().map(|one| one.snapshot.state.as_slice()).collect::<Vec<_>>())
        .execute(&mut self.connection)
        .await
        .map_err(|error| failure(IMPORT, error))?;
        Ok(())
    }

    /// Gives the journal its id and its head: from here on it is that journal.
    ///
    /// # Errors
    /// [`JournalError`]. Whether it was committed is not known when the connection was lost: beginning again tells.
    pub async fn commit(mut self, stand: &JournalStand) -> Result<(), JournalError> {
        let fail = |error| failure(IMPORT, error);
        sqlx::query("UPDATE journal SET journal_id = $1, created_at = $2, head = $3, recorded_at = $4")
            .bind(stand.id.0)
            .bind(stand.created_at.0)
            .bind(stand.head.0.cast_signed())
            .bind(stand.recorded_at.0)
            .execute(&mut self.connection)
            .await
            .map_err(fail)?;
        // Else the first reads would be planned for empty tables.
        self.connection.execute("ANALYZE events, idempotency_keys, claims, snapshots").await.map_err(fail)?;
        self.connection.execute("COMMIT").await.map_err(fail)?;
        self.connection.close().await.map_err(fail)
    }
}

/// Events, column by column.
#[derive(Default)]
struct EventColumns<'e> {
    position: Vec<i64>,
    stream_kind: Vec<&'e str>,
    stream_id: Vec<uuid::Uuid>,
    version: Vec<i64>,
    event_id: Vec<uuid::Uuid>,
    event_type: Vec<&'e str>,
    schema_version: Vec<i32>,
    recorded_at: Vec<i64>,
    occurred_at: Vec<i64>,
    actor_kind: Vec<&'e str>,
    actor_id: Vec<&'e str>,
    causation: Vec<Option<uuid::Uuid>>,
    correlation: Vec<uuid::Uuid>,
    command_id: Vec<uuid::Uuid>,
    crc32c: Vec<i64>,
    payload: Vec<&'e [u8]>,
}

impl<'e> EventColumns<'e> {
    fn push(&mut self, event: &'e RecordedEvent) {
        let header = &event.header;
        self.position.push(event.position.0.cast_signed());
        self.stream_kind.push(header.stream.kind.name());
        self.stream_id.push(header.stream.id);
        self.version.push(header.version.0.cast_signed());
        self.event_id.push(header.event_id.0);
        self.event_type.push(&header.event_type);
        self.schema_version.push(i32::from(header.schema_version));
        self.recorded_at.push(event.recorded_at.0);
        self.occurred_at.push(header.occurred_at.0);
        self.actor_kind.push(header.actor.kind.name());
        self.actor_id.push(&header.actor.id);
        self.causation.push(header.causation.map(|cause| cause.0));
        self.correlation.push(header.correlation);
        self.command_id.push(header.command_id.0);
        self.crc32c.push(i64::from(event.crc32c));
        self.payload.push(&event.payload);
    }
}

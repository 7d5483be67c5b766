//! The control: what one writes without a thought of batches. A transaction per command on a pool of connections, the
//! same tables, the same checks behind the same lock.

use std::time::Duration;

use event_log::{Append, AppendError, Appended, Claim, JournalError};
use events::{EventHeader, Position, StreamId, StreamVersion};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

const CONNECTIONS: u32 = 16;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(60);

/// A pool, every connection of which decides for itself.
#[derive(Clone)]
pub(super) struct OneByOne {
    pool: PgPool,
}

impl OneByOne {
    /// Makes all connections.
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        // As the product's writer has them.
        let options = options.disable_statement_logging().options([
            ("search_path", "lawless,pg_catalog"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_seqscan", "off"),
            ("jit", "off"),
        ]);
        let pool = PgPoolOptions::new()
            .min_connections(CONNECTIONS)
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// One command, one transaction.
    pub(super) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let appended = decide(&mut transaction, &append).await?;
        if !appended.replayed {
            transaction.commit().await.map_err(failed)?;
        }
        Ok(appended)
    }

    /// Ends all connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn decide(connection: &mut PgConnection, append: &Append) -> Result<Appended, AppendError> {
    let (head, recorded_at): (i64, i64) = sqlx::query_as("SELECT head, recorded_at FROM journal FOR NO KEY UPDATE")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if let Some(appended) = key(connection, append).await? {
        return Ok(appended);
    }
    let version: i64 = sqlx::query_scalar(
        "SELECT coalesce((SELECT version FROM events WHERE stream_id = $1 AND stream_kind = $2
                          ORDER BY version DESC LIMIT 1), 0)",
    )
    .bind(append.stream.id)
    .bind(append.stream.kind.name())
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    let actual = StreamVersion(version.cast_unsigned());
    if actual != append.expected_version {
        return Err(AppendError::StaleVersion { stream: append.stream, expected: append.expected_version, actual });
    }
    for name in &append.claims {
        claim(connection, append.stream, name).await?;
    }
    let events = append.events.len() as u64;
    let (first, last) = (head.cast_unsigned() + 1, head.cast_unsigned() + events);
    store(connection, append, first, recorded_at).await?;
    let version = StreamVersion(actual.0 + events);
    Ok(Appended { stream: append.stream, version, first: Position(first), last: Position(last), replayed: false })
}

async fn key(connection: &mut PgConnection, append: &Append) -> Result<Option<Appended>, AppendError> {
    let known: Option<(Vec<u8>, i64, i64, i64)> = sqlx::query_as(
        "SELECT k.payload_hash, k.first_position, k.last_position, e.version
         FROM idempotency_keys k JOIN events e ON e.position = k.last_position WHERE k.actor = $1 AND k.key = $2",
    )
    .bind(&append.key.actor)
    .bind(&append.key.key)
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    let Some((hash, first, last, version)) = known else { return Ok(None) };
    if hash != append.payload_hash {
        return Err(AppendError::KeyReused { key: append.key.clone() });
    }
    Ok(Some(Appended {
        stream: append.stream,
        version: StreamVersion(version.cast_unsigned()),
        first: Position(first.cast_unsigned()),
        last: Position(last.cast_unsigned()),
        replayed: true,
    }))
}

async fn claim(connection: &mut PgConnection, stream: StreamId, claim: &Claim) -> Result<(), AppendError> {
    let taken = sqlx::query(
        "INSERT INTO claims (kind, value, stream_kind, stream_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, value) DO UPDATE SET kind = excluded.kind
         WHERE claims.stream_id = excluded.stream_id AND claims.stream_kind = excluded.stream_kind",
    )
    .bind(claim.kind.name())
    .bind(&claim.value)
    .bind(stream.kind.name())
    .bind(stream.id)
    .execute(connection)
    .await
    .map_err(failed)?;
    if taken.rows_affected() == 1 {
        Ok(())
    } else {
        Err(AppendError::ClaimTaken { claim: claim.clone(), owner: stream })
    }
}

async fn store(
    connection: &mut PgConnection,
    append: &Append,
    first: u64,
    recorded_at: i64,
) -> Result<(), AppendError> {
    let (mut position, mut version) = (first, append.expected_version);
    let (mut positions, mut versions, mut ids, mut checksums, mut payloads) =
        (Vec::new(), Vec::new(), Vec::<Uuid>::new(), Vec::new(), Vec::new());
    for event in &append.events {
        version = StreamVersion(version.0 + 1);
        let header = EventHeader {
            event_id: event.event_id,
            stream: append.stream,
            version,
            event_type: event.event_type.to_owned(),
            schema_version: event.schema_version,
            occurred_at: event.occurred_at,
            actor: append.actor.clone(),
            causation: append.causation,
            correlation: append.correlation,
            command_id: append.command_id,
        };
        positions.push(position.cast_signed());
        versions.push(version.0.cast_signed());
        ids.push(event.event_id.0);
        checksums.push(i64::from(header.checksum(&event.payload)));
        payloads.push(event.payload.as_slice());
        position += 1;
    }
    // All events of a command are of one type here.
    let event = &append.events[0];
    let moment: i64 = sqlx::query_scalar(
        "INSERT INTO events (position, stream_kind, stream_id, version, event_id, event_type, schema_version, recorded_at,
                             occurred_at, actor_kind, actor_id, causation, correlation, command_id, crc32c, payload)
         SELECT e.position, $6, $7, e.version, e.id, $8, $9,
                greatest($10, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint), $11, $12, $13, $14, $15, $16,
                e.crc32c, e.payload
         FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bytea[])
              AS e (position, version, id, crc32c, payload)
         RETURNING recorded_at",
    )
    .bind(positions)
    .bind(versions)
    .bind(ids)
    .bind(checksums)
    .bind(payloads)
    .bind(append.stream.kind.name())
    .bind(append.stream.id)
    .bind(event.event_type)
    .bind(i32::from(event.schema_version))
    .bind(recorded_at)
    .bind(event.occurred_at.0)
    .bind(append.actor.kind.name())
    .bind(&append.actor.id)
    .bind(append.causation.map(|cause| cause.0))
    .bind(append.correlation)
    .bind(append.command_id.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query(
        "INSERT INTO idempotency_keys (first_position, last_position, actor, key, payload_hash)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(first.cast_signed())
    .bind(position.cast_signed() - 1)
    .bind(&append.key.actor)
    .bind(&append.key.key)
    .bind(append.payload_hash.as_slice())
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    sqlx::query("UPDATE journal SET head = $1, recorded_at = $2")
        .bind(position.cast_signed() - 1)
        .bind(moment)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

fn failed(error: sqlx::Error) -> AppendError {
    AppendError::Journal(JournalError::Engine { operation: "append", source: Box::new(error) })
}

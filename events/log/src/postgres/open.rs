//! Connecting, and checking that what is there is a journal of this program.

use std::time::Duration;

use events::{JournalId, Position};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Row};

use super::failure::failure;
use super::migrate::{KNOWN, applied, wrong_number};
use super::options::PostgresJournalOptions;
use crate::error::JournalError;

pub(super) const MIGRATE: &str = "make the journal's tables";
const OPEN: &str = "open the journal";

/// How long a read waits for a free connection.
const READ_CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// After so long without a word the server asks whether a client is still there, then so often, so many times.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// How to connect, for all and for the writer.
#[derive(Debug, Clone)]
pub(super) struct Connecting {
    pub(super) base: PgConnectOptions,
    pub(super) writer: PgConnectOptions,
}

/// What an open journal consists of, beside its writer's connection.
pub(super) struct Opened {
    pub(super) id: JournalId,
    pub(super) head: Position,
    pub(super) connecting: Connecting,
    pub(super) readers: PgPool,
}

/// Reads the address of a database.
pub(super) fn connecting(
    operation: &'static str,
    url: &str,
    options: &PostgresJournalOptions,
) -> Result<Connecting, JournalError> {
    let parsed: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| failure(operation, error))?;
    let milliseconds = |time: Duration| time.as_millis().to_string();
    let base = parsed
        .application_name("lawless")
        .options([
            ("search_path", "lawless,pg_catalog"),
            ("default_transaction_isolation", "read committed"),
            ("idle_in_transaction_session_timeout", &milliseconds(options.lock_timeout)),
        ])
        .options(KEEPALIVE)
        .disable_statement_logging();
    let writer = base.clone().options([
        // An acknowledged command is on the disk, and on a synchronous standby if there is one, whatever the server's
        // own default is.
        ("synchronous_commit", "on"),
        ("lock_timeout", &milliseconds(options.lock_timeout)),
        ("statement_timeout", &milliseconds(options.answer_timeout)),
        // Tables that were never analysed look empty to the planner: it would read and hash them whole.
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("plan_cache_mode", "auto"),
    ]);
    Ok(Connecting { base, writer })
}

/// Names a database without its password.
pub(super) fn place(connecting: &Connecting) -> String {
    let base = &connecting.base;
    format!("{}:{}/{}", base.get_host(), base.get_port(), base.get_database().unwrap_or_default())
}

/// One connection that writes.
pub(super) async fn connect(
    operation: &'static str,
    connecting: &Connecting,
    within: Duration,
) -> Result<PgConnection, JournalError> {
    match tokio::time::timeout(within, connecting.writer.connect()).await {
        Ok(connected) => connected.map_err(|error| failure(operation, error)),
        Err(_) => {
            let reason = format!("{} does not answer within {within:?}", place(connecting));
            Err(JournalError::Unavailable { operation, reason })
        }
    }
}

/// Opens the journal of a database.
pub(super) async fn open(url: &str, options: &PostgresJournalOptions) -> Result<Opened, JournalError> {
    let fail = |error| failure(OPEN, error);
    let connecting = connecting(OPEN, url, options)?;
    let mut connection = connect(OPEN, &connecting, options.connect_timeout).await?;
    let number = applied(&mut connection).await.map_err(fail)?;
    if number != KNOWN {
        return Err(wrong_number(place(&connecting), number));
    }
    let (id, head) = read_row(&mut connection, &connecting).await?;
    drop(connection);
    let readers = PgPoolOptions::new()
        .max_connections(options.read_connections.max(1))
        .acquire_timeout(READ_CONNECTION_TIMEOUT)
        .connect_lazy_with(connecting.base.clone());
    Ok(Opened { id, head, connecting, readers })
}

async fn read_row(
    connection: &mut PgConnection,
    connecting: &Connecting,
) -> Result<(JournalId, Position), JournalError> {
    let fail = |error| failure(OPEN, error);
    let row = sqlx::query(
        "SELECT journal_id, schema_fingerprint, head, (SELECT position FROM events ORDER BY position DESC LIMIT 1)
         FROM journal",
    )
    .fetch_one(connection)
    .await
    .map_err(fail)?;
    let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
    let (id, fingerprint, head, last): (_, i64, i64, Option<i64>) = read().map_err(fail)?;
    if fingerprint != i64::from(events::schema_fingerprint()) {
        return Err(JournalError::Format {
            path: place(connecting),
            found: format!("{KNOWN} with event schemas {fingerprint:08x}"),
            expected: format!(
                "{KNOWN} with event schemas {:08x} (schemas may change until v0.1: use another database and import \
                 the data again)",
                events::schema_fingerprint()
            ),
        });
    }
    let corrupt = |reason: String| JournalError::Corrupt { operation: OPEN, reason };
    if head != last.unwrap_or(0) {
        return Err(corrupt(format!("the counter says {head}, the last event is at {}", last.unwrap_or(0))));
    }
    let head = u64::try_from(head).map_err(|_| corrupt(format!("the counter says {head}")))?;
    Ok((JournalId(id), Position(head)))
}

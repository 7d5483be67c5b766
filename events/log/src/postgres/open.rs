//! Connecting, and checking that what is there is a journal of this program.

use std::time::Duration;

use events::{JournalId, Position};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Row};

use super::failure::failure;
use super::migrate::{KNOWN, ensure_current};
use super::options::PostgresJournalOptions;
use super::pool::Connections;
use crate::error::JournalError;

pub(super) const MIGRATE: &str = "make the journal's tables";
const OPEN: &str = "open the journal";

/// How long PostgreSQL waits for the next statement of long work before it takes this process for lost.
const NEXT_STATEMENT_WITHIN: Duration = Duration::from_secs(60);
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
    pub(super) readers: Connections,
    pub(super) replica: Option<Connections>,
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
            ("statement_timeout", &milliseconds(options.read_timeout)),
            // What readers write (leases, snapshots) may be lost: it waits for no standby.
            ("synchronous_commit", "local"),
        ])
        .options(KEEPALIVE)
        .disable_statement_logging();
    let writer = base.clone().options([
        // An acknowledged command is on the disk, and on a synchronous standby if there is one, whatever the server's
        // own default is.
        ("synchronous_commit", "on"),
        ("lock_timeout", &milliseconds(options.lock_timeout)),
        // None: ended while it waits for a synchronous standby, PostgreSQL warns and says that it is committed. The lock
        // has its own limit, and who asked gives up by himself.
        ("statement_timeout", "0"),
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
    connect_as(operation, connecting, connecting.writer.clone(), within).await
}

/// One connection for work that takes as long as it takes: no limit to a wait for a lock.
pub(super) async fn connect_patiently(
    operation: &'static str,
    connecting: &Connecting,
    within: Duration,
) -> Result<PgConnection, JournalError> {
    let patient = connecting.writer.clone().options([
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", &NEXT_STATEMENT_WITHIN.as_millis().to_string()),
    ]);
    connect_as(operation, connecting, patient, within).await
}

async fn connect_as(
    operation: &'static str,
    connecting: &Connecting,
    options: PgConnectOptions,
    within: Duration,
) -> Result<PgConnection, JournalError> {
    match tokio::time::timeout(within, options.connect()).await {
        Ok(connected) => connected.map_err(|error| failure(operation, error)),
        Err(_) => {
            let reason = format!("{} does not answer within {within:?}", place(connecting));
            Err(JournalError::Unavailable { operation, reason })
        }
    }
}

/// Opens the journal of a database.
pub(super) async fn open(url: &str, options: &PostgresJournalOptions) -> Result<Opened, JournalError> {
    let connecting = connecting(OPEN, url, options)?;
    let mut connection = connect(OPEN, &connecting, options.connect_timeout).await?;
    let looking = async {
        ensure_current(OPEN, &mut connection, &connecting).await?;
        read_row(&mut connection, &connecting).await
    };
    let (id, head) = tokio::time::timeout(options.answer_timeout, looking).await.unwrap_or_else(|_| {
        let reason = format!("{} does not answer within {:?}", place(&connecting), options.answer_timeout);
        Err(JournalError::Unavailable { operation: OPEN, reason })
    })?;
    drop(connection);
    let readers = Connections::new("primary", options, connecting.base.clone());
    let replica = match &options.replica {
        // Made when it is read from: it may be away.
        Some(replica) => {
            let there = self::connecting(OPEN, &replica.url, options)?;
            Some(Connections::new("replica", options, there.base))
        }
        None => None,
    };
    Ok(Opened { id, head, connecting, readers, replica })
}

pub(super) async fn read_row(
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
    check_schemas(connecting, fingerprint)?;
    let corrupt = |reason: String| JournalError::Corrupt { operation: OPEN, reason };
    if head != last.unwrap_or(0) {
        return Err(corrupt(format!("the counter says {head}, the last event is at {}", last.unwrap_or(0))));
    }
    let head = u64::try_from(head).map_err(|_| corrupt(format!("the counter says {head}")))?;
    Ok((JournalId(id), Position(head)))
}

/// Refuses events of other schemas.
pub(super) fn check_schemas(connecting: &Connecting, fingerprint: i64) -> Result<(), JournalError> {
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
    Ok(())
}

//! The connections that read, and what there is to tell about them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::failure::failure;
use super::options::PostgresJournalOptions;
use crate::error::JournalError;

/// How long a read waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Beyond the server's own limit, before silence counts as a lost connection.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// How long the end of connections is waited for. A server that hangs must not keep a process from ending.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A statement with its arguments.
type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// A bounded number of connections to one server. A clone is another handle to the same ones.
#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
    answer_within: Duration,
    told: Arc<Told>,
}

/// What is told of them, at hand.
struct Told {
    idle: Gauge,
    in_use: Gauge,
    most: Gauge,
    waits: Histogram,
    saturated: Counter,
    failed: Counter,
}

impl Told {
    fn of(name: &'static str) -> Self {
        let connections = |state| gauge!("lawless_journal_pool_connections", "pool" => name, "state" => state);
        Self {
            idle: connections("idle"),
            in_use: connections("in_use"),
            most: gauge!("lawless_journal_pool_connections_max", "pool" => name),
            waits: histogram!("lawless_journal_pool_wait_seconds", "pool" => name),
            saturated: counter!("lawless_journal_pool_saturated_total", "pool" => name),
            failed: counter!("lawless_journal_pool_failed_total", "pool" => name),
        }
    }
}

impl Connections {
    /// Made when they are needed. `name` is theirs in metrics.
    pub(super) fn new(name: &'static str, options: &PostgresJournalOptions, connect: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(options.read_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(connect);
        Self { pool, answer_within: options.read_timeout + SILENCE, told: Arc::new(Told::of(name)) }
    }

    /// All rows of a statement.
    pub(super) async fn all(
        &self,
        operation: &'static str,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, JournalError> {
        self.ask(operation, async |connection: &mut PgConnection| statement.fetch_all(connection).await).await
    }

    /// The row of a statement that has at most one.
    pub(super) async fn optional(
        &self,
        operation: &'static str,
        statement: Statement<'_>,
    ) -> Result<Option<PgRow>, JournalError> {
        self.ask(operation, async |connection: &mut PgConnection| statement.fetch_optional(connection).await).await
    }

    /// The row of a statement that has one.
    pub(super) async fn one(&self, operation: &'static str, statement: Statement<'_>) -> Result<PgRow, JournalError> {
        self.ask(operation, async |connection: &mut PgConnection| statement.fetch_one(connection).await).await
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(&self, operation: &'static str, statement: Statement<'_>) -> Result<u64, JournalError> {
        let asking = async |connection: &mut PgConnection| statement.execute(connection).await;
        Ok(self.ask(operation, asking).await?.rows_affected())
    }

    async fn ask<A>(
        &self,
        operation: &'static str,
        asking: impl AsyncFnOnce(&mut PgConnection) -> Result<A, sqlx::Error>,
    ) -> Result<A, JournalError> {
        let mut asked = Asked(Some(self.acquire(operation).await?));
        let answer = timeout(self.answer_within, asking(asked.connection())).await;
        match answer {
            Ok(answer) => {
                asked.answered();
                answer.map_err(|error| failure(operation, error))
            }
            Err(_) => {
                asked.silent();
                let reason = format!("the server does not answer within {:?}", self.answer_within);
                Err(JournalError::Unavailable { operation, reason })
            }
        }
    }

    /// One of them, once one is free.
    async fn acquire(&self, operation: &'static str) -> Result<PoolConnection<Postgres>, JournalError> {
        if self.pool.num_idle() == 0 && self.pool.size() >= self.pool.options().get_max_connections() {
            self.told.saturated.increment(1);
        }
        let started = Instant::now();
        let acquired = self.pool.acquire().await;
        self.told.waits.record(started.elapsed().as_secs_f64());
        if acquired.is_err() {
            self.told.failed.increment(1);
        }
        acquired.map_err(|error| failure(operation, error))
    }

    /// Tells how many there are now, and how many are in use.
    pub(super) fn measure(&self) {
        let (all, idle) = (self.pool.size(), u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX));
        self.told.idle.set(f64::from(idle));
        self.told.in_use.set(f64::from(all.saturating_sub(idle)));
        self.told.most.set(f64::from(self.pool.options().get_max_connections()));
    }

    /// Ends all of them.
    pub(super) async fn close(&self) {
        close(&self.pool).await;
    }
}

/// Ends all connections, as far as the server lets them end.
pub(super) async fn close(pool: &PgPool) {
    within_close_timeout(pool.close()).await;
}

/// Waits for an end, but not for ever.
pub(super) async fn within_close_timeout(ending: impl Future<Output = ()>) {
    if timeout(CLOSE_TIMEOUT, ending).await.is_err() {
        tracing::warn!(waited = ?CLOSE_TIMEOUT, "the server does not answer, its connections are left to it");
    }
}

/// A connection that was asked something.
struct Asked(Option<PoolConnection<Postgres>>);

impl Asked {
    fn connection(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("it is there until it is given back")
    }

    /// The next one may have it.
    fn answered(mut self) {
        drop(self.0.take());
    }

    /// In the middle of an answer, it is of no use any more.
    fn silent(mut self) {
        drop(self.0.take().map(PoolConnection::detach));
    }
}

impl Drop for Asked {
    /// Nobody waits for the answer any more. When it has come the connection is of use again; the pool would wait for it
    /// for ever, and have one connection less all the while.
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return drop(connection.detach()) };
        runtime.spawn(async move {
            if !matches!(timeout(SILENCE, connection.ping()).await, Ok(Ok(()))) {
                drop(connection.detach());
            }
        });
    }
}

// Written out, because what is told has none.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

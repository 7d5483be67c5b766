//! The connections that read, and what there is to tell about them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::failure::failure;
use crate::error::JournalError;

/// How long a read waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A bounded number of connections to one server. A clone is another handle to the same ones.
#[derive(Clone)]
pub(super) struct Connections {
    pool: PgPool,
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
    /// At most so many, made when they are needed. `name` is theirs in metrics.
    pub(super) fn new(name: &'static str, most: u32, options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(most.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Self { pool, told: Arc::new(Told::of(name)) }
    }

    /// One of them, once one is free.
    pub(super) async fn acquire(&self, operation: &'static str) -> Result<PoolConnection<Postgres>, JournalError> {
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

    /// For whoever takes them by himself.
    pub(super) fn pool(&self) -> PgPool {
        self.pool.clone()
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
        self.pool.close().await;
    }
}

// Written out, because what is told has none.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

//! A replica of the database, which takes reads of the past off it. Nothing is decided on what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{JournalId, RecordedEvent, StreamId, StreamVersion};
use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::reader::{Reader, bounded};
use super::rows::Columns;
use super::seen::ensure_same;
use crate::error::JournalError;

/// For so long it is taken to be as it was when it was looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a look, and a read, may take before the replica counts as away.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The replica of a journal. A clone is another handle to the same one.
#[derive(Clone)]
pub(super) struct Replica {
    reader: Reader,
    primary: Reader,
    lag_max: Duration,
    looked: Arc<Mutex<Looked>>,
    told: Arc<Told>,
}

/// What was found when it was looked at last.
#[derive(Default)]
struct Looked {
    at: Option<Instant>,
    /// Why it is not read from.
    unusable: Option<String>,
}

/// What is told of it.
struct Told {
    up: Gauge,
    lag_events: Gauge,
    lag_seconds: Gauge,
    from_replica: Counter,
    from_primary: Counter,
}

/// How far it is behind.
struct Lag {
    events: u64,
    /// Age of the oldest event that it has not got.
    age: Duration,
}

impl Replica {
    pub(super) fn new(reader: Reader, primary: Reader, lag_max: Duration) -> Self {
        let reads = |from| counter!("lawless_journal_past_reads_total", "from" => from);
        let told = Told {
            up: gauge!("lawless_journal_replica_up"),
            lag_events: gauge!("lawless_journal_replica_lag_events"),
            lag_seconds: gauge!("lawless_journal_replica_lag_seconds"),
            from_replica: reads("replica"),
            from_primary: reads("primary"),
        };
        Self { reader, primary, lag_max, looked: Arc::default(), told: Arc::new(told) }
    }

    /// Events of a stream as the replica has them, which may be without the newest; `None` when it cannot be read from.
    pub(super) async fn stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Option<Vec<RecordedEvent>> {
        let read = async {
            if !self.look().await {
                return None;
            }
            let problem = match timeout(ANSWERS_WITHIN, self.reader.stream(stream, after, limit)).await {
                Ok(Ok(events)) => return Some(events),
                Ok(Err(error)) => error.to_string(),
                Err(_) => silence(),
            };
            self.found(&mut *self.looked.lock().await, Some(problem));
            None
        };
        let events = read.await;
        if events.is_some() {
            self.told.from_replica.increment(1);
        } else {
            self.told.from_primary.increment(1);
        }
        events
    }

    /// Looks at it if that was not done a moment ago; whether it can be read from. All who ask meanwhile wait for it.
    pub(super) async fn look(&self) -> bool {
        let mut looked = self.looked.lock().await;
        if looked.at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            let problem = match timeout(ANSWERS_WITHIN, self.lag()).await {
                Ok(Ok(lag)) => {
                    #[expect(clippy::cast_precision_loss, reason = "a metric needs no more than 52 bits")]
                    self.told.lag_events.set(lag.events as f64);
                    self.told.lag_seconds.set(lag.age.as_secs_f64());
                    let too_far = lag.age > self.lag_max;
                    too_far.then(|| format!("it is {:?} behind, and {:?} is the most", lag.age, self.lag_max))
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(silence()),
            };
            self.found(&mut looked, problem);
        }
        looked.unusable.is_none()
    }

    fn found(&self, looked: &mut Looked, problem: Option<String>) {
        match (&looked.unusable, &problem) {
            (None, Some(reason)) => {
                tracing::warn!(reason, "the past is read from the primary and not from the replica");
            }
            (Some(_), None) => tracing::info!("the past is read from the replica again"),
            _ => {}
        }
        self.told.up.set(f64::from(u8::from(problem.is_none())));
        *looked = Looked { at: Some(Instant::now()), unusable: problem };
    }

    async fn lag(&self) -> Result<Lag, JournalError> {
        const LOOK: &str = "look at the replica";
        let row = self.reader.connections.one(LOOK, sqlx::query("SELECT journal_id, head FROM journal")).await?;
        let columns = Columns { operation: LOOK, row: &row };
        ensure_same(LOOK, self.primary.id, JournalId(columns.get(0)?))?;
        let has: u64 = columns.number(1)?;
        let query = sqlx::query(
            "SELECT head, coalesce((extract(epoch FROM clock_timestamp()) * 1000000)::bigint
                                   - (SELECT recorded_at FROM events WHERE position = $1), 0)
             FROM journal",
        )
        .bind(bounded(has.saturating_add(1)));
        let row = self.primary.connections.one(LOOK, query).await?;
        let columns = Columns { operation: LOOK, row: &row };
        let head: u64 = columns.number(0)?;
        let age: i64 = columns.get(1)?;
        Ok(Lag { events: head.saturating_sub(has), age: Duration::from_micros(u64::try_from(age).unwrap_or_default()) })
    }

    pub(super) async fn measure(&self) {
        self.reader.connections.measure();
        self.look().await;
    }

    pub(super) async fn close(&self) {
        self.reader.connections.close().await;
    }
}

fn silence() -> String {
    format!("it does not answer within {ANSWERS_WITHIN:?}")
}

// Written out, because what is told has none.
impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reader.fmt(f)
    }
}

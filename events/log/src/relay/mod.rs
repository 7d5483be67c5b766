//! Carries the events of a journal in PostgreSQL to Kafka, in order, each at least once.
//!
//! | module | does |
//! |---|---|
//! | `term` | one producer's life: where to go on, what is sent, what is acknowledged |
//! | `resume` | where the topic ends, and whether it is a copy of this journal at all |
//! | `outbox` | the producer, and what it says of deliveries |
//! | `topic_watch` | whether the topic is still the one that is written to |
//!
//! One relay at a time has the lease; the others stand by. Two at once do no harm: whoever reads drops what it has seen.

mod options;
mod outbox;
mod resume;
mod status;
mod term;
mod topic_watch;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::term::{Ended, Term};
use crate::error::JournalError;
use crate::kafka::probe::Probe;
use crate::kafka::topic::{ensure_topic, remove_topic};
use crate::kafka::{Framing, KafkaOptions};
use crate::port::Journal;
use crate::postgres::{Lease, PostgresJournal};

pub use options::RelayOptions;
pub use status::{RelayHealth, RelayStatus};

/// Names the lease.
const LEASE: &str = "relay";

/// A relay that runs. Dropping it ends it in the background.
pub struct Relay {
    status: watch::Receiver<RelayStatus>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Stands by for the journal, and relays as soon as nobody else does. Neither Kafka nor the database needs to answer
    /// yet.
    pub fn start(journal: PostgresJournal, kafka: KafkaOptions, options: RelayOptions) -> Self {
        let (status, status_seen) = watch::channel(RelayStatus::default());
        let (stop, stopped) = watch::channel(false);
        let lease = journal.lease(LEASE, options.lease);
        let runner = Runner { journal, kafka, options, lease, status, stopped };
        Self { status: status_seen, stop, task: tokio::spawn(runner.run()) }
    }

    /// How it fares, and when that changes.
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.status.clone()
    }

    /// Ends it, and gives the lease back. What Kafka has not acknowledged is sent again by whoever goes on.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // A panic has told its story already.
        let _ = self.task.await;
    }
}

/// Removes the topic of a journal; the relay, which runs or will be started, makes it anew and fills it from the first
/// event on.
///
/// # Errors
/// Kafka or the database does not answer.
pub async fn refill(journal: &PostgresJournal, kafka: &KafkaOptions) -> Result<(), JournalError> {
    // Taken from a relay that works, for as long as it takes until that sees it: what it had sent is not to be told of
    // the new topic.
    let lease = journal.lease(LEASE, RelayOptions::default().lease);
    lease.begin_anew().await?;
    remove_topic(journal.id(), kafka).await?;
    // Removing may have taken longer than that, and a relay may have said again how far the old topic had come.
    lease.begin_anew().await
}

/// What the task has.
struct Runner {
    journal: PostgresJournal,
    kafka: KafkaOptions,
    options: RelayOptions,
    lease: Lease,
    status: watch::Sender<RelayStatus>,
    stopped: watch::Receiver<bool>,
}

impl Runner {
    async fn run(mut self) {
        let mut pause = self.options.retry_backoff;
        while !*self.stopped.borrow() {
            let mut stopped = self.stopped.clone();
            // Whatever it waits for, Kafka or the database, may take long.
            let ended = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                ended = self.one_term() => ended,
            };
            if self.status.borrow().health == RelayHealth::Relaying {
                pause = self.options.retry_backoff;
            }
            let wait = match ended {
                Ok(Ended::LeaseLost) => {
                    tracing::warn!("another relay has the lease");
                    self.options.standby_look
                }
                Ok(Ended::NotOurTurn) => {
                    self.fares(RelayHealth::Standby);
                    self.options.standby_look
                }
                Ok(Ended::Failed { reason, had_relayed }) => {
                    pause = if had_relayed { self.options.retry_backoff } else { pause * 2 };
                    pause = pause.min(self.options.retry_backoff_max);
                    self.stalled(reason);
                    pause
                }
                Err(error) => {
                    pause = (pause * 2).min(self.options.retry_backoff_max);
                    match error {
                        JournalError::Corrupt { .. } | JournalError::Format { .. } => {
                            self.halted(words(&error));
                            self.options.retry_backoff_max
                        }
                        error => {
                            self.stalled(words(&error));
                            pause
                        }
                    }
                }
            };
            let mut stopped = self.stopped.clone();
            let _ = timeout(wait, stopped.wait_for(|stopped| *stopped)).await;
        }
        self.fares(RelayHealth::Stopped);
        // A database that is away must not hold the process up: the lease ends by itself.
        if timeout(self.options.release_timeout, self.lease.give_back()).await.is_err() {
            tracing::warn!("the lease could not be given back");
        }
    }

    /// Takes the lease and relays until something ends it.
    async fn one_term(&mut self) -> Result<Ended, JournalError> {
        if !self.lease.take().await? {
            return Ok(Ended::NotOurTurn);
        }
        // Kafka may take longer to answer than the lease lasts.
        let (term, probe) = tokio::select! {
            biased;
            begun = self.begin() => begun?,
            lost = renew(&self.lease, self.options.lease / 3) => return lost,
        };
        term.run(&self.status, &probe).await
    }

    async fn begin(&self) -> Result<(Term<'_>, Probe), JournalError> {
        ensure_topic(self.journal.id(), &self.kafka).await?;
        let resume = resume::find(&self.journal, &self.lease, &self.kafka).await?;
        let framing = Framing::of(&self.kafka).await?;
        let term = Term::begin(&self.journal, &self.lease, &self.kafka, &self.options, framing, &resume).await?;
        tracing::info!(journal = %self.journal.id(), after = resume.after.0, "relaying");
        Ok((term, resume.probe))
    }

    fn fares(&self, health: RelayHealth) {
        self.status.send_if_modified(|status| {
            let changed = status.health != health;
            status.health = health;
            changed
        });
    }

    fn stalled(&self, reason: String) {
        if self.status.borrow().health.reason() != Some(&reason) {
            tracing::error!(reason, "the relay stalled");
        }
        self.fares(RelayHealth::Stalled { reason });
    }

    fn halted(&self, reason: String) {
        if self.status.borrow().health.reason() != Some(&reason) {
            tracing::error!(reason, "the relay halted");
        }
        self.fares(RelayHealth::Halted { reason });
    }
}

/// Keeps the lease until it is lost.
async fn renew(lease: &Lease, every: Duration) -> Result<Ended, JournalError> {
    loop {
        tokio::time::sleep(every).await;
        if !lease.take().await? {
            return Ok(Ended::LeaseLost);
        }
    }
}

/// An error with all that caused it.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

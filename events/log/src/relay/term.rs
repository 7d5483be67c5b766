//! One producer's life: what the journal has is sent, in order, until something ends it.

use std::pin::pin;
use std::time::Duration;

use events::{Position, RecordedEvent};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::options::RelayOptions;
use super::outbox::Outbox;
use super::resume::Resume;
use super::status::{RelayHealth, RelayStatus};
use super::topic_watch::topic_changes;
use super::words;
use crate::error::JournalError;
use crate::kafka::probe::Probe;
use crate::kafka::topic::topic_name;
use crate::kafka::{Framing, KafkaOptions, record};
use crate::port::{EventFeed, Journal};
use crate::postgres::{Lease, PostgresJournal};

/// How long a full queue is waited for before everything else is looked at again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(20);
/// How long the report of the record that ended the producer may take: it says why, and later records do not.
const LAST_REPORT_WAIT: Duration = Duration::from_secs(2);

/// What ended a term.
pub(super) enum Ended {
    /// Another one may relay now.
    LeaseLost,
    /// Another one has the lease.
    NotOurTurn,
    /// The producer failed.
    Failed {
        /// Why.
        reason: String,
        /// Whether it had got anything through.
        had_relayed: bool,
    },
}

/// One producer, from a position on.
pub(super) struct Term<'r> {
    journal: &'r PostgresJournal,
    lease: &'r Lease,
    options: &'r RelayOptions,
    framing: Framing,
    outbox: Outbox,
    begun_after: Position,
    /// Queued at the producer up to here.
    sent: Position,
    /// Queued records, watermarks too.
    queued: u64,
}

impl<'r> Term<'r> {
    pub(super) async fn begin(
        journal: &'r PostgresJournal,
        lease: &'r Lease,
        kafka: &KafkaOptions,
        options: &'r RelayOptions,
        framing: Framing,
        resume: &Resume,
    ) -> Result<Self, JournalError> {
        let outbox = Outbox::new(topic_name(journal.id()), kafka, resume.after, resume.end)?;
        // The first event is not to wait for connections.
        outbox.connect().await?;
        Ok(Self { journal, lease, options, framing, outbox, begun_after: resume.after, sent: resume.after, queued: 0 })
    }

    pub(super) async fn run(
        mut self,
        status: &watch::Sender<RelayStatus>,
        probe: &Probe,
    ) -> Result<Ended, JournalError> {
        status.send_modify(|status| {
            status.health = RelayHealth::Relaying;
            status.relayed = self.sent;
        });
        let delivered = self.outbox.delivered();
        let keep = keep_lease(self.lease, self.options.lease, delivered.clone(), status);
        let mut failing = delivered.clone();
        let failed = async {
            let _ = failing.wait_for(|delivered| delivered.failed.is_some() || delivered.gave_up).await;
            let _ = timeout(LAST_REPORT_WAIT, failing.wait_for(|delivered| delivered.failed.is_some())).await;
            let failed = failing.borrow().failed.clone();
            failed.unwrap_or_else(|| "the producer gave up, and does not say why".to_owned())
        };
        let changed = topic_changes(probe, delivered.clone(), self.options.topic_look);
        let begun_after = self.begun_after;
        let failed_for = |reason| Ended::Failed { reason, had_relayed: delivered.borrow().position > begun_after };
        let ended = tokio::select! {
            biased;
            reason = failed => failed_for(reason),
            reason = changed => failed_for(reason),
            kept = keep => kept?,
            relayed = self.relay(status) => {
                let Err(error) = relayed;
                // That the producer takes nothing more follows from what was refused: heard while records were queued.
                let reason = delivered.borrow().failed.clone().ok_or(error)?;
                failed_for(reason)
            }
        };
        Ok(ended)
    }

    /// Sends whatever the journal has, for ever.
    async fn relay(&mut self, status: &watch::Sender<RelayStatus>) -> Result<Never, JournalError> {
        let feed = self.journal.feed();
        loop {
            let events = feed.read(self.sent, self.options.page).await?;
            if let Some(last) = events.last() {
                let head = last.position;
                status.send_modify(|status| status.head = status.head.max(head));
                for event in &events {
                    self.send(event).await?;
                }
                continue;
            }
            let idle_until = Instant::now() + self.options.watermark_every;
            tokio::select! {
                waited = feed.wait_beyond(self.sent) => waited?,
                () = sleep_until(idle_until) => self.send_watermark().await?,
            }
        }
    }

    async fn send(&mut self, event: &RecordedEvent) -> Result<(), JournalError> {
        let record = record::of_event(self.journal.id(), event, &self.framing)
            .map_err(|reason| JournalError::Corrupt { operation: "make a record", reason })?;
        let mut delivered = self.outbox.delivered();
        while !self.queue(event.position, &record).await? {
            // Room comes with an acknowledgement.
            let _ = timeout(FULL_QUEUE_PAUSE, delivered.changed()).await;
        }
        self.sent = event.position;
        Ok(())
    }

    /// Queues a record. False: the queue is full for now.
    async fn queue(&mut self, position: Position, record: &record::Outgoing) -> Result<bool, JournalError> {
        let queued = self.outbox.send(position, record);
        self.queued += u64::from(matches!(queued, Ok(true)));
        if queued.is_err() {
            // With the report this term has ended.
            let mut delivered = self.outbox.delivered();
            let _ = timeout(LAST_REPORT_WAIT, delivered.wait_for(|delivered| delivered.failed.is_some())).await;
        }
        queued
    }

    /// Only when everything before it has arrived: it says so to whoever reads it. Another watermark counts, so that they do
    /// not pile up while Kafka is away.
    async fn send_watermark(&mut self) -> Result<(), JournalError> {
        if self.outbox.delivered().borrow().records < self.queued {
            return Ok(());
        }
        let Some(watermark) = self.journal.watermark().await? else { return Ok(()) };
        if watermark.head != self.sent {
            return Ok(());
        }
        let record = record::of_watermark(self.journal.id(), &watermark)
            .map_err(|reason| JournalError::Corrupt { operation: "make a watermark", reason })?;
        // One that finds the queue full is not missed: there is other work then.
        self.queue(watermark.head, &record).await?;
        Ok(())
    }
}

/// What a loop without an end returns.
enum Never {}

/// Renews the lease and tells how far the work has come, until the lease is another's.
async fn keep_lease(
    lease: &Lease,
    lasts: Duration,
    mut delivered: watch::Receiver<super::outbox::Delivered>,
    status: &watch::Sender<RelayStatus>,
) -> Result<Ended, JournalError> {
    let mut renewal = pin!(interval(lasts / 3));
    let mut lost_at = Instant::now() + lasts;
    let mut told = Position::ZERO;
    loop {
        tokio::select! {
            _ = renewal.tick() => {
                match lease.take().await {
                    Ok(true) => lost_at = Instant::now() + lasts,
                    Ok(false) => return Ok(Ended::LeaseLost),
                    // The database may be back before the lease has ended.
                    Err(error) if Instant::now() < lost_at => tracing::warn!(error = words(&error), "renewing the lease"),
                    Err(error) => return Err(error),
                }
                let position = delivered.borrow().position;
                if position > told && lease.report(position).await.is_ok() {
                    told = position;
                }
            }
            Ok(()) = delivered.changed() => {
                let position = delivered.borrow_and_update().position;
                status.send_if_modified(|status| {
                    let moved = position > status.relayed;
                    status.relayed = status.relayed.max(position);
                    status.head = status.head.max(position);
                    moved
                });
            }
        }
    }
}

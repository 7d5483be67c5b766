//! One producer's life: what the journal has is sent, in order, until something ends it.

use std::pin::pin;
use std::time::Duration;

use events::{Position, RecordedEvent};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::options::RelayOptions;
use super::outbox::Outbox;
use super::status::{RelayHealth, RelayStatus};
use super::{Resume, words};
use crate::error::JournalError;
use crate::kafka::topic::topic_name;
use crate::kafka::{Framing, KafkaOptions, record};
use crate::port::{EventFeed, Journal};
use crate::postgres::{Lease, PostgresJournal};

/// How long a full queue is waited for before everything else is looked at again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(20);

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
}

impl<'r> Term<'r> {
    pub(super) fn new(
        journal: &'r PostgresJournal,
        lease: &'r Lease,
        kafka: &KafkaOptions,
        options: &'r RelayOptions,
        framing: Framing,
        after: Resume,
    ) -> Result<Self, JournalError> {
        let outbox = Outbox::new(topic_name(journal.id()), kafka, after)?;
        Ok(Self { journal, lease, options, framing, outbox, begun_after: after, sent: after })
    }

    pub(super) async fn run(mut self, status: &watch::Sender<RelayStatus>) -> Result<Ended, JournalError> {
        // The first event is not to wait for connections.
        self.outbox.connect().await?;
        status.send_modify(|status| {
            status.health = RelayHealth::Relaying;
            status.relayed = self.sent;
        });
        let delivered = self.outbox.delivered();
        let keep = keep_lease(self.lease, self.options.lease, delivered.clone(), status);
        let mut failing = delivered.clone();
        let failed = async {
            match failing.wait_for(|delivered| delivered.failed.is_some()).await {
                Ok(delivered) => delivered.failed.clone().unwrap_or_default(),
                Err(_) => "the producer ended".to_owned(),
            }
        };
        let begun_after = self.begun_after;
        let ended = tokio::select! {
            biased;
            reason = failed => {
                Ended::Failed { reason, had_relayed: delivered.borrow().position > begun_after }
            }
            kept = keep => kept?,
            relayed = self.relay(status) => return relayed.map(|never| match never {}),
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
        while !self.outbox.send(event.position, &record)? {
            // Room comes with an acknowledgement.
            let _ = timeout(FULL_QUEUE_PAUSE, delivered.changed()).await;
        }
        self.sent = event.position;
        Ok(())
    }

    /// Only when everything before it has arrived: it says so to whoever reads it.
    async fn send_watermark(&mut self) -> Result<(), JournalError> {
        if self.outbox.delivered().borrow().position < self.sent {
            return Ok(());
        }
        let Some(watermark) = self.journal.watermark().await? else { return Ok(()) };
        if watermark.head != self.sent {
            return Ok(());
        }
        let record = record::of_watermark(self.journal.id(), &watermark)
            .map_err(|reason| JournalError::Corrupt { operation: "make a watermark", reason })?;
        // One that finds the queue full is not missed: there is other work then.
        self.outbox.send(watermark.head, &record)?;
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

//! The producer, and what it says of deliveries.

use std::sync::Arc;
use std::time::Duration;

use events::Position;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer};
use tokio::sync::watch;

use crate::error::JournalError;
use crate::kafka::record::Outgoing;
use crate::kafka::topic::PARTITION;
use crate::kafka::{KafkaOptions, failure, producer_config};

const PRODUCE: &str = "write to the topic";

/// Sends records in order. Once one fails, nothing more is sent: a later one would leave a hole.
pub(super) struct Outbox {
    topic: String,
    /// There until this is dropped.
    producer: Option<Arc<ThreadedProducer<Deliveries>>>,
    answer_timeout: Duration,
    delivered: watch::Receiver<Delivered>,
}

/// What is known of what was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Delivered {
    /// Everything up to here is acknowledged.
    pub(super) position: Position,
    /// How many records that were sent here are acknowledged.
    pub(super) records: u64,
    /// The offset behind the last record that is known to be in the topic.
    pub(super) end: i64,
    /// The producer gave up on what it had not sent yet, because of an earlier record: `failed` says why, or will.
    pub(super) gave_up: bool,
    /// Why this producer is of no use any more.
    pub(super) failed: Option<String>,
}

/// Hears of deliveries, in the order in which records were sent.
struct Deliveries(watch::Sender<Delivered>);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, part: &str, message: &str) {
        tracing::debug!(?level, part, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // What passes is told by the position that stands still.
        tracing::debug!(%error, reason, "the relay's producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        self.0.send_modify(|delivered| match result {
            Ok(_) if delivered.failed.is_some() => {}
            // Below zero the broker did not say.
            Ok(message) if (0..delivered.end).contains(&message.offset()) => {
                let reason = format!(
                    "the topic was made anew: position {position} was written at offset {}, before offset {}",
                    message.offset(),
                    delivered.end
                );
                delivered.failed = Some(reason);
            }
            Ok(message) => {
                delivered.records += 1;
                delivered.position = delivered.position.max(Position(position as u64));
                delivered.end = delivered.end.max(message.offset() + 1);
            }
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PurgeQueue) => {
                delivered.gave_up = true;
            }
            Err((error, _)) => {
                delivered.failed.get_or_insert_with(|| format!("position {position} was not written: {error}"));
            }
        });
    }
}

impl Outbox {
    pub(super) fn new(topic: String, kafka: &KafkaOptions, after: Position, end: i64) -> Result<Self, JournalError> {
        let (sender, delivered) = watch::channel(Delivered { position: after, end, ..Delivered::default() });
        let producer: ThreadedProducer<Deliveries> =
            producer_config(kafka).create_with_context(Deliveries(sender)).map_err(|error| failure(PRODUCE, error))?;
        Ok(Self { topic, producer: Some(Arc::new(producer)), answer_timeout: kafka.answer_timeout, delivered })
    }

    /// Returns once a broker answers.
    pub(super) async fn connect(&self) -> Result<(), JournalError> {
        let (producer, topic, timeout) = (Arc::clone(self.producer()), self.topic.clone(), self.answer_timeout);
        // librdkafka blocks while it waits for the answer.
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(Some(&topic), timeout).map(drop));
        let answer =
            asked.await.map_err(|panic| JournalError::Engine { operation: PRODUCE, source: Box::new(panic) })?;
        answer.map_err(|error| failure(PRODUCE, error))
    }

    fn producer(&self) -> &Arc<ThreadedProducer<Deliveries>> {
        self.producer.as_ref().expect("only dropping takes it")
    }

    /// What is known of what was sent.
    pub(super) fn delivered(&self) -> watch::Receiver<Delivered> {
        self.delivered.clone()
    }

    /// Queues a record. False: the queue is full for now.
    ///
    /// # Errors
    /// The producer takes nothing more.
    pub(super) fn send(&self, position: Position, record: &Outgoing) -> Result<bool, JournalError> {
        // Positions fit: there is no journal of 2^63 events.
        let opaque = usize::try_from(position.0).unwrap_or(usize::MAX);
        let sent = self.producer().send(
            BaseRecord::with_opaque_to(&self.topic, opaque)
                .partition(PARTITION)
                .key(record.key.as_bytes())
                .payload(&record.value)
                .headers(record.headers.clone())
                .timestamp(record.timestamp),
        );
        match sent {
            Ok(()) => Ok(true),
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => Ok(false),
            Err((error, _)) => Err(failure(PRODUCE, error)),
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let Some(producer) = self.producer.take() else { return };
        let end = move || {
            // Never flushed: what is not acknowledged is sent again by whoever goes on, and Kafka may be away for long.
            producer.purge(PurgeConfig::default().queue().inflight());
            // Waits for its threads.
            drop(producer);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(end)),
            Err(_) => end(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Longer than it takes to begin something on another thread, shorter than librdkafka's threads take to end.
    const AT_ONCE: Duration = Duration::from_millis(50);

    /// Whoever answers requests on this thread goes on meanwhile.
    #[tokio::test]
    async fn dropping_it_holds_nobody_up() {
        let kafka = KafkaOptions::new("127.0.0.1:1");
        let outbox = Outbox::new("nowhere".to_owned(), &kafka, Position::ZERO, 0).unwrap();
        let begun = Instant::now();
        drop(outbox);
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    }
}

//! Reads single records: where the topic ends, what stands at an offset, where a position is.

use std::ops::Range;
use std::sync::Arc;

use events::{JournalId, Position};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Mutex;

use super::client::{Quiet, QuietConsumer, probe_config};
use super::failure::{failure, is_no_topic, no_topic, passes, silence};
use super::options::KafkaOptions;
use super::record::{self, Record};
use super::topic::{PARTITION, topic_name};
use crate::error::JournalError;

const PROBE: &str = "look at the topic";

/// Looks at single records of a journal's topic.
pub(crate) struct Probe {
    journal: JournalId,
    topic: String,
    options: KafkaOptions,
    consumer: Arc<QuietConsumer>,
    /// It is told where to look: one after the other.
    looking: Mutex<()>,
}

impl Probe {
    /// For the topic of a journal, which need not be there yet.
    pub(crate) fn new(journal: JournalId, options: &KafkaOptions) -> Result<Self, JournalError> {
        let consumer = probe_config(options).create_with_context(Quiet).map_err(|error| failure(PROBE, error))?;
        let topic = topic_name(journal);
        Ok(Self { journal, topic, options: options.clone(), consumer: Arc::new(consumer), looking: Mutex::new(()) })
    }

    /// Offsets of the first record, and behind the last one.
    pub(crate) async fn offsets(&self) -> Result<Range<i64>, JournalError> {
        self.offsets_if_there().await?.ok_or_else(|| no_topic(PROBE))
    }

    /// The same of a topic that was just made, of which not every broker may know yet.
    pub(crate) async fn offsets_once_there(&self) -> Result<Range<i64>, JournalError> {
        let known = async {
            loop {
                match self.offsets_if_there().await? {
                    Some(offsets) => return Ok(offsets),
                    None => tokio::time::sleep(self.options.topic_look).await,
                }
            }
        };
        tokio::time::timeout(self.options.answer_timeout, known).await.unwrap_or_else(|_| Err(no_topic(PROBE)))
    }

    /// The same; None if there is no such topic.
    pub(crate) async fn offsets_if_there(&self) -> Result<Option<Range<i64>>, JournalError> {
        let (consumer, topic) = (self.consumer.clone(), self.topic.clone());
        let timeout = Timeout::After(self.options.answer_timeout);
        // librdkafka blocks while it waits for the answer.
        let asked = tokio::task::spawn_blocking(move || consumer.fetch_watermarks(&topic, PARTITION, timeout));
        let answer = asked.await.map_err(|panic| JournalError::Engine { operation: PROBE, source: Box::new(panic) })?;
        match answer {
            Ok((low, high)) => Ok(Some(low..high)),
            Err(error) if is_no_topic(&error) => Ok(None),
            Err(error) => Err(failure(PROBE, error)),
        }
    }

    /// The record at an offset.
    pub(crate) async fn record_at(&self, offset: i64) -> Result<Record, JournalError> {
        let _looking = self.looking.lock().await;
        let read = async {
            self.consumer.assign(&place(&self.topic, offset)?)?;
            loop {
                match self.consumer.recv().await {
                    Ok(message) => return Ok::<_, KafkaError>(record::read(self.journal, &message)),
                    // Nobody listened since the last look: what was told of a broker that was away may be long over.
                    Err(error) if passes(&error) => tracing::debug!(%error, "a look at the topic goes on"),
                    Err(error) => return Err(error),
                }
            }
        };
        let read = tokio::time::timeout(self.options.answer_timeout, read).await;
        // Whatever else it fetched is of no use.
        let _ = self.consumer.unassign();
        match read {
            Ok(Ok(Ok(record))) => Ok(record),
            Ok(Ok(Err(reason))) => {
                Err(JournalError::Corrupt { operation: PROBE, reason: format!("{reason} (offset {offset})") })
            }
            Ok(Err(error)) => Err(failure(PROBE, error)),
            Err(_) => Err(silence(PROBE, &self.options.brokers, self.options.answer_timeout)),
        }
    }

    /// An offset from which on everything after a position is found. Positions grow with offsets, but for what several
    /// relays wrote at once; who reads on from here finds out, and begins at the front then.
    pub(crate) async fn offset_of(&self, position: Position) -> Result<i64, JournalError> {
        let Range { start, end } = self.offsets().await?;
        let (mut at, mut beyond) = (start, end);
        while beyond - at > 1 && position > Position::ZERO {
            let middle = at + (beyond - at) / 2;
            match self.record_at(middle).await?.position() <= position {
                true => at = middle,
                false => beyond = middle,
            }
        }
        Ok(at)
    }
}

/// What a consumer is told: the one partition from an offset on.
pub(super) fn place(topic: &str, offset: i64) -> Result<TopicPartitionList, KafkaError> {
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, PARTITION, Offset::Offset(offset))?;
    Ok(place)
}

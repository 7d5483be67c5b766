//! How Kafka is reached, and the bounds of its clients.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::registry::SchemaRegistry;

/// How Kafka is reached and used.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Where brokers are first asked, `host:port` separated by commas.
    pub brokers: String,
    /// Settings that librdkafka gets as they are, credentials for example.
    pub properties: KafkaProperties,
    /// Whose ids the values of records begin with; without one they are in Avro's single-object encoding.
    pub schema_registry: Option<SchemaRegistry>,
    /// Copies of the topic, when it is made; the broker's default if there is none.
    pub replication_factor: Option<u16>,
    /// How long an answer may take before Kafka counts as away.
    pub answer_timeout: Duration,
    /// How often a topic that is not there yet is looked for.
    pub topic_look: Duration,
    /// The most events that a producer holds which are not acknowledged yet.
    pub produce_queue_events: u32,
    /// The same in KiB.
    pub produce_queue_kib: u32,
    /// What a follower reads ahead, in KiB.
    pub fetch_queue_kib: u32,
    /// Followers that keep their place while nobody reads from them; the one used least recently goes.
    pub cursors: usize,
}

impl KafkaOptions {
    /// Everything else as by default.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            properties: KafkaProperties::default(),
            schema_registry: None,
            replication_factor: None,
            answer_timeout: Duration::from_secs(10),
            topic_look: Duration::from_millis(100),
            produce_queue_events: 20_000,
            produce_queue_kib: 32 * 1_024,
            fetch_queue_kib: 32 * 1_024,
            cursors: 4,
        }
    }
}

/// Settings by their names in librdkafka. Their values may be secret and are never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct KafkaProperties(pub BTreeMap<String, String>);

impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

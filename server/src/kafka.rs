//! How events come from the journal to the projectors in mode `distributed`: a relay writes them to Kafka, a feed reads
//! them there. The one place where these ports meet their adapters.

use std::sync::Arc;

use event_log::{
    EventFeed, KafkaEventFeed, KafkaOptions, KafkaProperties, PostgresJournal, Relay, RelayOptions, SchemaRegistry,
};
use events::JournalId;

use crate::config::{KafkaConfig, SchemaRegistryConfig};

/// Reads what a relay writes, here or in another process.
///
/// # Errors
/// The settings are none that Kafka's client takes.
pub(crate) fn open_feed(journal: JournalId, config: &KafkaConfig) -> anyhow::Result<Arc<dyn EventFeed>> {
    Ok(Arc::new(KafkaEventFeed::new(journal, options(config))?))
}

/// Relays as soon as no other process does.
pub(crate) fn start_relay(journal: &PostgresJournal, config: &KafkaConfig, registry: &SchemaRegistryConfig) -> Relay {
    let registry = (!registry.url.is_empty()).then(|| SchemaRegistry::at(registry.url.as_str()));
    let options = KafkaOptions { schema_registry: registry, ..options(config) };
    Relay::start(journal.clone(), options, RelayOptions::default())
}

/// What the adapters are told.
pub(crate) fn options(config: &KafkaConfig) -> KafkaOptions {
    KafkaOptions {
        properties: KafkaProperties(config.properties.reveal().clone()),
        replication_factor: (config.replication_factor > 0).then_some(config.replication_factor),
        ..KafkaOptions::new(&config.brokers)
    }
}

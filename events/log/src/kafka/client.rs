//! What librdkafka's clients are told.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

use super::options::KafkaOptions;

/// A consumer whose errors are told by whoever reads from it, and not a second time by librdkafka.
pub(super) type QuietConsumer = StreamConsumer<Quiet>;

/// Tells what librdkafka says to those who look for it.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, part: &str, message: &str) {
        tracing::debug!(?level, part, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Quiet {}

/// Settings of every client.
fn base_config(options: &KafkaOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (name, value) in &options.properties.0 {
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", &options.brokers)
        .set("client.id", "lawless")
        .set("socket.timeout.ms", options.answer_timeout.as_millis().to_string())
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A topic that was just made is looked for again soon, and one that is gone is noticed.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        .set("allow.auto.create.topics", "false");
    config
}

/// A client that asks.
pub(super) fn admin_config(options: &KafkaOptions) -> ClientConfig {
    base_config(options)
}

/// A producer that keeps order and drops nothing, however long the broker is away.
pub(crate) fn producer_config(options: &KafkaOptions) -> ClientConfig {
    let mut config = base_config(options);
    config
        .set("enable.idempotence", "true")
        // A record that fails ends the producer before any later one is sent.
        .set("enable.gapless.guarantee", "true")
        .set("acks", "all")
        // With any finite time a record is dropped and those after it are still sent: a hole for ever.
        .set("message.timeout.ms", "0")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .set("batch.num.messages", "10000")
        .set("retry.backoff.ms", "50")
        .set("queue.buffering.max.messages", options.produce_queue_events.to_string())
        .set("queue.buffering.max.kbytes", options.produce_queue_kib.to_string());
    config
}

/// A consumer that is told where to read. It belongs to no group: its place is kept with what it feeds.
pub(super) fn consumer_config(options: &KafkaOptions) -> ClientConfig {
    let mut config = base_config(options);
    config
        // librdkafka wants a name, and uses it for nothing here.
        .set("group.id", "lawless")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // To begin elsewhere than asked would be a hole.
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "500")
        .set("fetch.error.backoff.ms", "50")
        // After a full queue librdkafka waits a second before it asks for more.
        .set("fetch.queue.backoff.ms", "2")
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", options.fetch_queue_kib.to_string());
    config
}

/// A consumer of single records here and there.
pub(super) fn probe_config(options: &KafkaOptions) -> ClientConfig {
    let mut config = consumer_config(options);
    // It grows by itself when a record is larger.
    config.set("fetch.message.max.bytes", "16384").set("queued.min.messages", "1");
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brokers of tests are away for seconds; this holds what matters when they are away for hours.
    #[test]
    fn a_producer_waits_for_ever_and_passes_over_nothing() {
        let config = producer_config(&KafkaOptions::new("127.0.0.1:9092"));
        let settings = ["message.timeout.ms", "enable.idempotence", "enable.gapless.guarantee", "acks"];
        assert_eq!(settings.map(|name| config.get(name)), ["0", "true", "true", "all"].map(Some));
    }
}

//! The topic of a journal: made with the settings that keep everything in one order, and checked at every start.

use events::JournalId;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::util::Timeout;

use super::client::{Quiet, admin_config};
use super::failure::failure;
use super::options::KafkaOptions;
use crate::error::JournalError;

const CHECK: &str = "check the topic";
const MAKE: &str = "make the topic";

/// What a topic must say to be one that everything can be read from again.
const REQUIRED: [(&str, &str); 4] = [
    // Nothing is ever removed: a new projection begins with the first event.
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
    // A broker that fell behind must not become the one that decides: acknowledged records would be gone.
    ("unclean.leader.election.enable", "false"),
];

/// Of so many copies two must have a record before it counts, so that one may be lost.
const COPIES_THAT_CAN_SPARE_ONE: i32 = 3;

/// One partition is one order.
pub(crate) const PARTITION: i32 = 0;

/// The topic of a journal.
pub(crate) fn topic_name(journal: JournalId) -> String {
    format!("lawless.{journal}.events")
}

/// Makes the topic if it is not there.
///
/// # Errors
/// [`JournalError::Format`] if it is there with settings that would lose events or their order;
/// [`JournalError::Unavailable`] if Kafka does not answer.
pub(crate) async fn ensure_topic(journal: JournalId, options: &KafkaOptions) -> Result<(), JournalError> {
    let admin: AdminClient<Quiet> =
        admin_config(options).create_with_context(Quiet).map_err(|error| failure(CHECK, error))?;
    let name = topic_name(journal);
    let asking = AdminOptions::new().request_timeout(Some(options.answer_timeout));
    let replication = options.replication_factor.map_or(-1, i32::from);
    let mut topic = NewTopic::new(&name, 1, TopicReplication::Fixed(replication));
    for (setting, value) in REQUIRED {
        topic = topic.set(setting, value);
    }
    if replication >= COPIES_THAT_CAN_SPARE_ONE {
        topic = topic.set("min.insync.replicas", "2");
    }
    let made = admin.create_topics([&topic], &asking).await.map_err(|error| failure(MAKE, error))?;
    match made.into_iter().next() {
        Some(Ok(_)) => {
            tracing::info!(topic = name, "made the topic of the journal");
            Ok(())
        }
        Some(Err((_, Code::TopicAlreadyExists))) => check(&admin, &name, &asking, options).await,
        Some(Err((_, code))) => Err(failure(MAKE, KafkaError::AdminOp(code))),
        None => Err(failure(MAKE, KafkaError::AdminOp(Code::Unknown))),
    }
}

/// Removes the topic, and everything in it.
pub(crate) async fn remove_topic(journal: JournalId, options: &KafkaOptions) -> Result<(), JournalError> {
    const REMOVE: &str = "remove the topic";
    let admin: AdminClient<Quiet> =
        admin_config(options).create_with_context(Quiet).map_err(|error| failure(REMOVE, error))?;
    let asking = AdminOptions::new()
        .request_timeout(Some(options.answer_timeout))
        .operation_timeout(Some(options.answer_timeout));
    let removed = admin.delete_topics(&[&topic_name(journal)], &asking).await;
    match removed.map_err(|error| failure(REMOVE, error))?.into_iter().next() {
        Some(Err((_, code))) if code != Code::UnknownTopicOrPartition => {
            Err(failure(REMOVE, KafkaError::AdminOp(code)))
        }
        _ => Ok(()),
    }
}

async fn check(
    admin: &AdminClient<Quiet>,
    name: &str,
    asking: &AdminOptions,
    options: &KafkaOptions,
) -> Result<(), JournalError> {
    let wrong = |found: String, expected: String| {
        Err(JournalError::Format { path: format!("the topic {name}"), found, expected })
    };
    let described = admin.describe_configs([&ResourceSpecifier::Topic(name)], asking).await;
    let described = described.map_err(|error| failure(CHECK, error))?.into_iter().next();
    let config = match described {
        Some(Ok(config)) => config,
        Some(Err(code)) => return Err(failure(CHECK, KafkaError::AdminOp(code))),
        None => return Err(failure(CHECK, KafkaError::AdminOp(Code::Unknown))),
    };
    for (setting, expected) in REQUIRED {
        let found = config.get(setting).and_then(|entry| entry.value.as_deref()).unwrap_or("nothing");
        if found != expected {
            return wrong(format!("{setting} {found}"), format!("{setting} {expected}"));
        }
    }
    let partitions = partitions(name, options).await?;
    if partitions != 1 {
        return wrong(format!("{partitions} partitions"), "one, which is one order".to_owned());
    }
    Ok(())
}

/// librdkafka blocks while it waits for this answer.
async fn partitions(name: &str, options: &KafkaOptions) -> Result<usize, JournalError> {
    let asks: AdminClient<Quiet> =
        admin_config(options).create_with_context(Quiet).map_err(|error| failure(CHECK, error))?;
    let (name, timeout) = (name.to_owned(), Timeout::After(options.answer_timeout));
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = asks.inner().fetch_metadata(Some(&name), timeout)?;
        Ok(metadata.topics().iter().find(|topic| topic.name() == name).map_or(0, |topic| topic.partitions().len()))
    });
    let counted = asked.await.map_err(|panic| JournalError::Engine { operation: CHECK, source: Box::new(panic) })?;
    counted.map_err(|error| failure(CHECK, error))
}

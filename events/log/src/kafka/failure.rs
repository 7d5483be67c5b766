//! What Kafka's errors mean to whoever follows or carries.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::JournalError;

/// What a failure of Kafka means. Almost everything passes by itself once a broker is back or a topic made.
pub(crate) fn failure(operation: &'static str, error: KafkaError) -> JournalError {
    match error.rdkafka_error_code() {
        // The place that was asked for is not there: reading on elsewhere would leave a hole.
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => JournalError::Corrupt {
            operation,
            reason: "the topic does not have the place where it was read up to: it was cut off or made anew (see \
                     `lawless relay refill`)"
                .to_owned(),
        },
        // Its own words end with the value, which may be a password.
        None if let KafkaError::ClientConfig(_, reason, setting, _) = &error => JournalError::Unavailable {
            operation,
            reason: format!("librdkafka does not take the setting {setting}: {reason}"),
        },
        Some(_) if is_no_topic(&error) => no_topic(operation),
        Some(_) => JournalError::Unavailable { operation, reason: format!("Kafka says: {error}") },
        None => JournalError::Engine { operation, source: Box::new(error) },
    }
}

/// Whether it says that there is no such topic.
pub(super) fn is_no_topic(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition))
}

/// There is no such topic.
pub(super) fn no_topic(operation: &'static str) -> JournalError {
    JournalError::Unavailable { operation, reason: "there is no such topic yet".to_owned() }
}

/// Nothing was heard in time.
pub(super) fn silence(operation: &'static str, brokers: &str, waited: std::time::Duration) -> JournalError {
    JournalError::Unavailable { operation, reason: format!("Kafka at {brokers} does not answer within {waited:?}") }
}

/// What librdkafka tells and mends by itself. Silence has a limit of its own.
pub(super) fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::PollExceeded
        )
    )
}

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
        Some(code @ (Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)) => {
            JournalError::Unavailable { operation, reason: format!("there is no such topic yet ({code})") }
        }
        Some(_) => JournalError::Unavailable { operation, reason: format!("Kafka says: {error}") },
        None => JournalError::Engine { operation, source: Box::new(error) },
    }
}

/// Nothing was heard in time.
pub(super) fn silence(operation: &'static str, brokers: &str, waited: std::time::Duration) -> JournalError {
    JournalError::Unavailable { operation, reason: format!("Kafka at {brokers} does not answer within {waited:?}") }
}

//! The log of events: the ports that decide and carry, and the engines behind them.
//!
//! This crate must not know what the events mean: payloads pass through as bytes.

mod append;
mod error;
#[cfg(feature = "distributed")]
mod kafka;
mod limits;
mod port;
#[cfg(feature = "distributed")]
mod postgres;
mod prepared;
mod queue;
mod records;
#[cfg(feature = "distributed")]
mod relay;
mod sqlite;

pub use append::{Append, Appended, Claim, ClaimKind, IdempotencyKey, NewEvent, ReadStream};
pub use error::{AppendError, JournalError};
#[cfg(feature = "distributed")]
pub use kafka::{KafkaEventFeed, KafkaOptions, KafkaProperties, SchemaRegistry};
pub use limits::{MAX_ACTOR_ID_BYTES, MAX_CHECKS_PER_APPEND, MAX_CLAIM_BYTES, MAX_EVENTS_PER_APPEND, MAX_KEY_BYTES};
pub use port::{EventFeed, Journal, KeyRecord, Snapshot, Turn, Watermark};
#[cfg(feature = "distributed")]
pub use postgres::{
    ImportTarget, LookEvery, Migrated, PostgresEventFeed, PostgresImport, PostgresJournal, PostgresJournalOptions,
    ReplicaOptions,
};
pub use records::{JournalRecords, JournalStand, StoredClaim, StoredKey, StoredSnapshot};
#[cfg(feature = "distributed")]
pub use relay::{Relay, RelayHealth, RelayOptions, RelayStatus, refill};
pub use sqlite::{Adopted, JournalCopy, Moved, SqliteEventFeed, SqliteJournal, SqliteJournalOptions, Synchronous};

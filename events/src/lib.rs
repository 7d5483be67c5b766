//! The facts of the directory: identifiers, the envelope, event types and their Avro codec.
//!
//! This crate must not know where events are stored, who decides them or who reads them.

mod business;
mod codec;
mod envelope;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod ids;
mod operations;
mod tree;

pub use business::{
    Address, BusinessClosed, BusinessDetailsChanged, BusinessRecategorized, BusinessRegistered, BusinessRelocated,
    BusinessRemoved, DetailField, Point, Source,
};
pub use codec::{Codec, DecodeError, EncodedEvent, EventRecord, KnownSchema, MAX_PAYLOAD_BYTES, schema_fingerprint};
pub use envelope::{Actor, ActorKind, EventHeader, RecordedEvent, UnknownName};
pub use ids::{
    BusinessId, CategoryId, CommandId, EventId, JournalId, LocationId, Position, StreamId, StreamKind, StreamVersion,
    Timestamp,
};
pub use operations::ParkedEventSkipped;
pub use tree::{CategoryDefined, LocationDefined, LocationKind, Names};

/// Every fact the directory knows, in its newest schema version.
#[expect(
    clippy::large_enum_variant,
    reason = "one event is held at a time, and most are the largest: a box gains nothing"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// See [`BusinessRegistered`].
    BusinessRegistered(BusinessRegistered),
    /// See [`BusinessDetailsChanged`].
    BusinessDetailsChanged(BusinessDetailsChanged),
    /// See [`BusinessRelocated`].
    BusinessRelocated(BusinessRelocated),
    /// See [`BusinessRecategorized`].
    BusinessRecategorized(BusinessRecategorized),
    /// See [`BusinessClosed`].
    BusinessClosed(BusinessClosed),
    /// See [`BusinessRemoved`].
    BusinessRemoved(BusinessRemoved),
    /// See [`CategoryDefined`].
    CategoryDefined(CategoryDefined),
    /// See [`LocationDefined`].
    LocationDefined(LocationDefined),
    /// See [`ParkedEventSkipped`].
    ParkedEventSkipped(ParkedEventSkipped),
}

//! What a command asks of the journal, and what it gets back.

use events::{Actor, CommandId, EventId, Position, StreamId, StreamVersion, Timestamp};
use uuid::Uuid;

/// One command's events, all or nothing.
#[derive(Debug, Clone)]
pub struct Append {
    /// The stream that is written.
    pub stream: StreamId,
    /// The version that the decision was made on; zero for a new stream.
    pub expected_version: StreamVersion,
    /// Streams that the decision read, with the versions it saw. Checked behind the same lock.
    pub reads: Vec<ReadStream>,
    /// Unique names taken by this command for its stream.
    pub claims: Vec<Claim>,
    /// Under which a retry finds the first answer again.
    pub key: IdempotencyKey,
    /// SHA-256 of the request, to tell a retry from another request under the same key.
    pub payload_hash: [u8; 32],
    /// Who asks.
    pub actor: Actor,
    /// The command.
    pub command_id: CommandId,
    /// Ties together all that one request caused.
    pub correlation: Uuid,
    /// The event that caused this command, if one did.
    pub causation: Option<EventId>,
    /// At least one event.
    pub events: Vec<NewEvent>,
}

/// An event that has no position yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// UUIDv7, made by the command handler.
    pub event_id: EventId,
    /// Name of the event type.
    pub event_type: &'static str,
    /// Version of the type's schema.
    pub schema_version: u16,
    /// When it happened in the world.
    pub occurred_at: Timestamp,
    /// Avro binary.
    pub payload: Vec<u8>,
}

/// A stream that was read, at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadStream {
    /// The stream.
    pub stream: StreamId,
    /// The version that was seen.
    pub version: StreamVersion,
}

/// A unique name. Once claimed it is never given to another stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// The set in which it is unique.
    pub kind: ClaimKind,
    /// The name; at most 512 bytes.
    pub value: String,
}

/// The sets of unique names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClaimKind {
    /// Slug of a business.
    BusinessSlug,
    /// Source system and external id of a business, `system/id`.
    BusinessSource,
    /// Slug of a category.
    CategorySlug,
    /// Slug of a location.
    LocationSlug,
}

impl ClaimKind {
    /// The name that stores use.
    pub fn name(self) -> &'static str {
        match self {
            Self::BusinessSlug => "business_slug",
            Self::BusinessSource => "business_source",
            Self::CategorySlug => "category_slug",
            Self::LocationSlug => "location_slug",
        }
    }
}

/// A key that is unique per actor for the time that keys are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey {
    /// Whose key it is, for example `admin:1f2e`.
    pub actor: String,
    /// The header's value, or the command's id when none was sent.
    pub key: String,
}

/// Where the events of an accepted command are. The same for the first answer and for a replayed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The stream that was written.
    pub stream: StreamId,
    /// The version of the stream after the command.
    pub version: StreamVersion,
    /// Position of the command's first event.
    pub first: Position,
    /// Position of the command's last event; the consistency token.
    pub last: Position,
    /// Whether this key had been accepted before: nothing was appended now.
    pub replayed: bool,
}

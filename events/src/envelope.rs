//! The envelope, frozen as v1: what is known about an event besides its payload.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::ids::{CommandId, EventId, Position, StreamId, StreamVersion, Timestamp};

/// A name that this binary does not know, read from a store or a wire.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(pub String);

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// What the actor is.
    pub kind: ActorKind,
    /// Which one: the id of the key, or the name of the part of the system. At most 64 bytes.
    pub id: String,
}

/// What an [`Actor`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The program itself (demo, maintenance).
    System,
    /// A holder of the admin key.
    Admin,
    /// An import run by an operator.
    Import,
}

impl ActorKind {
    const ALL: [Self; 3] = [Self::System, Self::Admin, Self::Import];

    /// The name that stores and wires use.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Admin => "admin",
            Self::Import => "import",
        }
    }
}

impl FromStr for ActorKind {
    type Err = UnknownName;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|k| k.name() == s).ok_or_else(|| UnknownName(s.to_owned()))
    }
}

/// What is fixed about an event before the journal gives it a position and a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHeader {
    /// The event.
    pub event_id: EventId,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// The version of the stream after it.
    pub version: StreamVersion,
    /// Name of the event type, for example `BusinessRegistered`.
    pub event_type: String,
    /// Version of the type's schema.
    pub schema_version: u16,
    /// When it happened in the world.
    pub occurred_at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// The event that caused it, if one did.
    pub causation: Option<EventId>,
    /// Ties together all that one request caused.
    pub correlation: Uuid,
    /// The command that was accepted.
    pub command_id: CommandId,
}

impl EventHeader {
    /// CRC-32C (RFC 3720) over this header and the payload.
    ///
    /// Position and `recorded_at` are left out: the store gives them behind its lock, after the bytes are made.
    pub fn checksum(&self, payload: &[u8]) -> u32 {
        let mut crc = 0;
        let mut add = |bytes: &[u8]| {
            // The length goes first, so that moving a byte from one field to the next changes the sum.
            crc = crc32c::crc32c_append(crc, &(bytes.len() as u64).to_le_bytes());
            crc = crc32c::crc32c_append(crc, bytes);
        };
        add(self.event_id.0.as_bytes());
        add(self.stream.kind.name().as_bytes());
        add(self.stream.id.as_bytes());
        add(&self.version.0.to_le_bytes());
        add(self.event_type.as_bytes());
        add(&self.schema_version.to_le_bytes());
        add(&self.occurred_at.0.to_le_bytes());
        add(self.actor.kind.name().as_bytes());
        add(self.actor.id.as_bytes());
        add(self.causation.map_or(Uuid::nil(), |c| c.0).as_bytes());
        add(self.correlation.as_bytes());
        add(self.command_id.0.as_bytes());
        add(payload);
        crc
    }
}

/// An event as a journal holds it. The payload stays encoded: who needs it decodes it with [`crate::Codec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Place in the journal's order.
    pub position: Position,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// The rest of the envelope.
    pub header: EventHeader,
    /// Avro binary, without any framing.
    pub payload: Vec<u8>,
    /// [`EventHeader::checksum`], as stored.
    pub crc32c: u32,
}

impl RecordedEvent {
    /// Whether the stored checksum fits the bytes.
    pub fn is_intact(&self) -> bool {
        self.header.checksum(&self.payload) == self.crc32c
    }
}

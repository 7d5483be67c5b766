//! Appends to try, each valid on its own.

use event_log::{Append, Claim, ClaimKind, IdempotencyKey, NewEvent};
use events::{Actor, ActorKind, BusinessId, CommandId, EventId, StreamId, StreamVersion, Timestamp};
use uuid::Uuid;

/// A stream that nobody wrote yet.
pub fn business() -> StreamId {
    BusinessId(Uuid::now_v7()).into()
}

/// One event for a stream at a version, under a key of its own.
pub fn append(stream: StreamId, expected_version: u64) -> Append {
    append_many(stream, expected_version, 1)
}

/// Several events for a stream at a version, under a key of its own.
pub fn append_many(stream: StreamId, expected_version: u64, events: usize) -> Append {
    Append {
        stream,
        expected_version: StreamVersion(expected_version),
        reads: Vec::new(),
        claims: Vec::new(),
        key: IdempotencyKey { actor: "admin:laws".to_owned(), key: Uuid::now_v7().to_string() },
        payload_hash: rand::random(),
        actor: Actor { kind: ActorKind::Admin, id: "laws".to_owned() },
        command_id: CommandId(Uuid::now_v7()),
        correlation: Uuid::now_v7(),
        causation: Some(EventId(Uuid::now_v7())),
        events: (0..events).map(|number| event(number, 300)).collect(),
    }
}

/// An event with a payload of this many random bytes: to a journal they mean nothing.
pub(crate) fn event(number: usize, bytes: usize) -> NewEvent {
    NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event_type: "BusinessRegistered",
        schema_version: 1,
        occurred_at: Timestamp(1_700_000_000_000_000 + i64::try_from(number).unwrap()),
        payload: std::iter::repeat_with(rand::random).take(bytes).collect(),
    }
}

/// The slug of a business.
pub fn claim(slug: &str) -> Claim {
    Claim { kind: ClaimKind::BusinessSlug, value: slug.to_owned() }
}

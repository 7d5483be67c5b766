//! A feed that tells what it is given, also what no journal should tell.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use event_log::{EventFeed, JournalError};
use events::{
    Actor, ActorKind, BusinessId, BusinessRemoved, Codec, CommandId, Event, EventHeader, EventId, JournalId,
    ParkedEventSkipped, Position, RecordedEvent, StreamId, StreamVersion, Timestamp,
};
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) struct MemoryFeed {
    journal_id: JournalId,
    events: Mutex<Vec<RecordedEvent>>,
    head: watch::Sender<Position>,
    /// Reads that fail before one succeeds again.
    pub(crate) failures: AtomicUsize,
    /// How often it was read.
    pub(crate) reads: AtomicUsize,
}

impl MemoryFeed {
    pub(crate) fn new(journal: u64, events: Vec<RecordedEvent>) -> Self {
        let head = events.last().map_or(Position::ZERO, |event| event.position);
        Self {
            journal_id: JournalId(Uuid::from_u64_pair(journal, 0)),
            events: Mutex::new(events),
            head: watch::channel(head).0,
            failures: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
        }
    }

    /// From now on it tells something else.
    pub(crate) fn replace(&self, told: Vec<RecordedEvent>) {
        *self.events.lock().unwrap() = told;
    }

    pub(crate) fn push(&self, stream: StreamId, event: &Event) -> Position {
        let mut events = self.events.lock().unwrap();
        let position = events.last().map_or(Position::ZERO, |event| event.position).next();
        events.push(record(position, stream, event));
        self.head.send_replace(position);
        position
    }
}

#[async_trait]
impl EventFeed for MemoryFeed {
    fn journal_id(&self) -> JournalId {
        self.journal_id
    }

    async fn head(&self) -> Result<Position, JournalError> {
        Ok(*self.head.borrow())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(JournalError::Unavailable { operation: "read", reason: "told to fail".to_owned() });
        }
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.position > after).take(limit).cloned().collect())
    }

    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError> {
        self.head.subscribe().wait_for(|head| *head > position).await.unwrap();
        Ok(())
    }
}

pub(crate) fn business(number: u64) -> StreamId {
    BusinessId(Uuid::from_u64_pair(0xb, number)).into()
}

/// The event that the counting projection takes; it refuses `poison` and panics at `panic`.
pub(crate) fn word(word: &str) -> Event {
    Event::BusinessRemoved(BusinessRemoved { reason: word.to_owned() })
}

pub(crate) fn skip(group: &str, position: Position) -> Event {
    Event::ParkedEventSkipped(ParkedEventSkipped {
        group: group.to_owned(),
        position: i64::try_from(position.0).unwrap(),
        reason: "a test".to_owned(),
    })
}

pub(crate) fn record(position: Position, stream: StreamId, event: &Event) -> RecordedEvent {
    let encoded = Codec::shared().encode(event);
    let header = EventHeader {
        event_id: EventId(Uuid::from_u64_pair(0xe, position.0)),
        stream,
        version: StreamVersion(1),
        event_type: encoded.event_type.to_owned(),
        schema_version: encoded.schema_version,
        occurred_at: Timestamp(1),
        actor: Actor { kind: ActorKind::System, id: "test".to_owned() },
        causation: None,
        correlation: Uuid::nil(),
        command_id: CommandId(Uuid::nil()),
    };
    let crc32c = header.checksum(&encoded.payload);
    RecordedEvent { position, recorded_at: Timestamp(2), header, payload: encoded.payload, crc32c }
}

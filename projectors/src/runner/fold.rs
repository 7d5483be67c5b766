//! One event after the other into the projection, or into the parking.

use events::{
    Codec, DecodeError, Event, EventId, ParkedEventSkipped, Position, RecordedEvent, StreamId, StreamKind, Timestamp,
};

use super::feed::Incoming;
use super::parking::Parking;
use crate::port::{ApplyError, Changes, Projection, StoreError, StoreReader};

/// A projection with what a group keeps around it.
pub(super) struct GroupFold {
    group: String,
    operations: StreamId,
    projection: Box<dyn Projection>,
    parking: Parking,
    last: Option<Last>,
}

/// The last event that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) position: Position,
    pub(super) event_id: EventId,
    pub(super) recorded_at: Timestamp,
}

impl GroupFold {
    pub(super) fn new(group: &str, projection: Box<dyn Projection>, parking: Parking) -> Self {
        let operations = StreamId::operations(group);
        Self { group: group.to_owned(), operations, projection, parking, last: None }
    }

    pub(super) fn parking(&self) -> &Parking {
        &self.parking
    }

    pub(super) fn last(&self) -> Option<Last> {
        self.last
    }

    pub(super) fn projection_version(&self) -> u32 {
        self.projection.version()
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.projection.pending_bytes() + self.parking.pending_bytes()
    }

    /// Folds an event, or parks it.
    pub(super) fn take(&mut self, store: &dyn StoreReader, incoming: Incoming) -> Result<(), StoreError> {
        let Incoming { event, payload } = incoming;
        let header = &event.header;
        let at = event.position;
        self.last = Some(Last { position: at, event_id: header.event_id, recorded_at: event.recorded_at });
        if header.stream.kind == StreamKind::Operations {
            if header.stream != self.operations {
                return Ok(()); // for another group
            }
            // Even when this stream itself is parked, or nothing could ever release it.
            if let Ok(Event::ParkedEventSkipped(skip)) = &payload {
                return self.skip(store, skip, at);
            }
        }
        if self.parking.is_parked(header.stream) {
            self.parking.enqueue(&event);
            return Ok(());
        }
        if let Some(error) = self.apply(store, &event, payload, at)? {
            self.park(&event, &error);
        }
        Ok(())
    }

    /// All that is pending.
    pub(super) fn render(&mut self, store: &dyn StoreReader) -> Result<Changes, StoreError> {
        let mut changes = self.projection.render(store)?;
        self.parking.take_changes(&mut changes);
        Ok(changes)
    }

    /// `Some` says why the event is poisonous.
    fn apply(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        payload: Result<Event, DecodeError>,
        at: Position,
    ) -> Result<Option<String>, StoreError> {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return Ok(Some(error.to_string())),
        };
        match self.projection.apply(store, event, payload, at) {
            Ok(()) => Ok(None),
            Err(ApplyError::Poisonous(error)) => Ok(Some(error)),
            Err(ApplyError::Store(error)) => Err(error),
        }
    }

    fn park(&mut self, event: &RecordedEvent, error: &str) {
        tracing::error!(
            group = self.group,
            stream = %event.header.stream,
            position = event.position.0,
            event_type = event.header.event_type,
            error,
            "parked an event; later ones of its stream wait until an operator skips it"
        );
        self.parking.park(event, error);
    }

    /// Goes on without a parked event: what queued behind it is folded in order, marking at the skip's position.
    fn skip(&mut self, store: &dyn StoreReader, skip: &ParkedEventSkipped, at: Position) -> Result<(), StoreError> {
        let position = u64::try_from(skip.position).map(Position).ok();
        let stream = position.and_then(|position| self.parking.stream_parked_at(position));
        let (true, Some(stream)) = (skip.group == self.group, stream) else {
            tracing::warn!(group = self.group, position = skip.position, "nothing to skip is parked there");
            return Ok(());
        };
        tracing::warn!(group = self.group, %stream, position = skip.position, reason = skip.reason, "skipped an event");
        while let Some(event) = self.parking.release_next(store, stream)? {
            let payload = Codec::shared().decode(&event.header.event_type, event.header.schema_version, &event.payload);
            if let Some(error) = self.apply(store, &event, payload, at)? {
                self.park(&event, &error);
                return Ok(());
            }
        }
        Ok(())
    }
}

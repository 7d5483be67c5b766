//! A stream from its beginning, event by event, each with the state after it.

use std::collections::VecDeque;

use events::{Event, RecordedEvent, StreamVersion, Timestamp};
use uuid::Uuid;

use super::error::CommandError;
use super::streams::{Known, Streams};
use crate::domain::Aggregate;

/// Events that are read at once: a long stream is never in memory as a whole.
const PAGE: usize = 256;

/// A stream that is folded step by step. The snapshots of a stream are of its newest states only, so it begins at zero.
pub(super) struct Replay<'s, A> {
    streams: &'s Streams<A>,
    id: Uuid,
    known: Known<A>,
    /// Up to which version it is known to go.
    goes_to: StreamVersion,
    page: VecDeque<RecordedEvent>,
    registered_at: Timestamp,
    updated_at: Timestamp,
}

impl<'s, A: Aggregate> Replay<'s, A> {
    /// All of it.
    pub(super) fn of(streams: &'s Streams<A>, id: Uuid) -> Self {
        Self::up_to(streams, id, StreamVersion::ZERO)
    }

    /// Of one that is known to have come to a version: what is before that need not be asked of whoever has the newest.
    pub(super) fn up_to(streams: &'s Streams<A>, id: Uuid, goes_to: StreamVersion) -> Self {
        Self {
            streams,
            id,
            known: Known::nothing(),
            goes_to,
            page: VecDeque::new(),
            registered_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    /// The state so far.
    pub(super) fn known(&self) -> &Known<A> {
        &self.known
    }

    /// When the first event was recorded, and the newest one so far.
    pub(super) fn times(&self) -> (Timestamp, Timestamp) {
        (self.registered_at, self.updated_at)
    }

    /// The event that is next, not yet folded; `None` at the end.
    pub(super) async fn peek(&mut self) -> Result<Option<&RecordedEvent>, CommandError> {
        if self.page.is_empty() {
            let after = self.known.version;
            let page = if after < self.goes_to {
                self.streams.read_past(self.id, after, PAGE).await?
            } else {
                self.streams.read(self.id, after, PAGE).await?
            };
            self.page = page.into();
        }
        Ok(self.page.front())
    }

    /// Folds the next event and gives it; `None` at the end.
    pub(super) async fn step(&mut self) -> Result<Option<(RecordedEvent, Event)>, CommandError> {
        self.peek().await?;
        let Some(recorded) = self.page.pop_front() else { return Ok(None) };
        let event = Streams::<A>::decode(&recorded)?;
        if !self.known.exists() {
            self.registered_at = recorded.recorded_at;
        }
        self.updated_at = recorded.recorded_at;
        let known = std::mem::replace(&mut self.known, Known::nothing());
        self.known = known.after(&recorded, &event);
        Ok(Some((recorded, event)))
    }
}

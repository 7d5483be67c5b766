//! States of aggregates: from memory, from a snapshot, from the events.

use std::sync::Arc;

use event_log::{Journal, ReadStream, Snapshot};
use events::{ActorKind, Codec, Event, Position, RecordedEvent, StreamId, StreamKind, StreamVersion};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::error::CommandError;
use crate::domain::Aggregate;

/// A state and what it is the state of.
#[derive(Debug)]
pub(super) struct Known<A> {
    pub(super) state: Arc<A>,
    pub(super) version: StreamVersion,
    /// Position of the newest event in it.
    pub(super) position: Position,
}

impl<A> Clone for Known<A> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), version: self.version, position: self.position }
    }
}

impl<A: Aggregate> Known<A> {
    pub(super) fn nothing() -> Self {
        Self { state: Arc::new(A::default()), version: StreamVersion::ZERO, position: Position::ZERO }
    }

    /// With one more event.
    pub(super) fn after(self, recorded: &RecordedEvent, event: &Event) -> Self {
        Self {
            state: Arc::new(Arc::unwrap_or_clone(self.state).caused(event, recorded.header.actor.kind)),
            version: recorded.header.version,
            position: recorded.position,
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.version > StreamVersion::ZERO
    }
}

/// What one attempt at a decision looks at.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Whether states in memory are brought up to date before they are used.
    reload: bool,
    /// Whether a state came from memory as it was.
    from_memory: bool,
    /// Streams that the decision rests on, besides the one it writes.
    pub(super) reads: Vec<ReadStream>,
}

impl Reading {
    /// From memory where possible.
    pub(super) fn recent() -> Self {
        Self::default()
    }

    /// As the journal has it.
    pub(super) fn reloaded() -> Self {
        Self { reload: true, ..Self::default() }
    }

    pub(super) fn is_from_memory(&self) -> bool {
        self.from_memory
    }

    pub(super) fn rests_on(&mut self, stream: StreamId, version: StreamVersion) {
        let read = ReadStream { stream, version };
        if !self.reads.contains(&read) {
            self.reads.push(read);
        }
    }
}

/// The streams of one kind of aggregate, the recent ones in memory.
pub(super) struct Streams<A> {
    kind: StreamKind,
    journal: Arc<dyn Journal>,
    recent: Cache<Uuid, Known<A>>,
    snapshot_every: u64,
}

impl<A: Aggregate> Streams<A> {
    pub(super) fn new(kind: StreamKind, journal: Arc<dyn Journal>, cached_states: usize, snapshot_every: u64) -> Self {
        Self { kind, journal, recent: Cache::new(cached_states), snapshot_every: snapshot_every.max(1) }
    }

    fn stream(&self, id: Uuid) -> StreamId {
        StreamId { kind: self.kind, id }
    }

    /// The state of a stream; at version 0 when there is no such stream.
    pub(super) async fn load(&self, id: Uuid, reading: &mut Reading) -> Result<Known<A>, CommandError> {
        let remembered = self.recent.get(&id);
        let known = match remembered {
            Some(known) if !reading.reload => {
                reading.from_memory = true;
                return Ok(known);
            }
            // Streams only grow: what is in memory and the events after it are the whole truth.
            Some(known) => self.read_up_to(id, known, None).await?,
            None => self.read_up_to(id, Known::nothing(), None).await?,
        };
        // What does not exist is not remembered: it may exist a moment later, by another writer.
        if known.exists() {
            self.remember(id, known.clone());
        }
        Ok(known)
    }

    /// What a decision refers to. Whether it exists, and where it stands in its tree, never changes once it does: told
    /// from memory that is as good as told from the journal.
    pub(super) async fn refer(&self, id: Uuid, reading: &mut Reading) -> Result<Known<A>, CommandError> {
        match self.recent.get(&id) {
            Some(known) if !reading.reload => Ok(known),
            _ => self.load(id, reading).await,
        }
    }

    /// Whether it is known to exist without asking the journal.
    pub(super) fn remembers(&self, id: Uuid) -> bool {
        self.recent.peek(&id).is_some()
    }

    /// The state that a stream had at a version.
    pub(super) async fn at_version(&self, id: Uuid, version: StreamVersion) -> Result<Known<A>, CommandError> {
        match self.recent.get(&id) {
            Some(known) if known.version == version => Ok(known),
            _ => self.read_up_to(id, Known::nothing(), Some(version)).await,
        }
    }

    pub(super) fn remember(&self, id: Uuid, known: Known<A>) {
        // Two may come here in any order; an older state in memory costs a conflict, never a wrong decision.
        if self.recent.peek(&id).is_none_or(|remembered| remembered.version < known.version) {
            self.recent.insert(id, known);
        }
    }

    async fn read_up_to(
        &self,
        id: Uuid,
        mut known: Known<A>,
        end: Option<StreamVersion>,
    ) -> Result<Known<A>, CommandError> {
        let page = usize::try_from(self.snapshot_every).unwrap_or(usize::MAX);
        let mut may_have_snapshot = !known.exists() && end.is_none();
        loop {
            let events = self.journal.read_stream(self.stream(id), known.version, page).await?;
            let is_last = events.len() < page;
            if !is_last && may_have_snapshot {
                // Only a long stream has one, so most streams are read in a single call.
                may_have_snapshot = false;
                if let Some(snapshot) = self.load_snapshot(id).await? {
                    known = snapshot;
                    continue;
                }
            }
            for event in &events {
                if end.is_some_and(|end| event.header.version > end) {
                    return Ok(known);
                }
                known = known.after(event, &Self::decode(event)?);
            }
            if is_last {
                return Ok(known);
            }
        }
    }

    /// Events after a version, as they are stored.
    pub(super) async fn read(
        &self,
        id: Uuid,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, CommandError> {
        Ok(self.journal.read_stream(self.stream(id), after, limit).await?)
    }

    /// Events that are known to be there, wherever they are had for little.
    pub(super) async fn read_past(
        &self,
        id: Uuid,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, CommandError> {
        let events = self.journal.read_past(self.stream(id), after, limit).await?;
        // A replica that has not got so far.
        if events.is_empty() { self.read(id, after, limit).await } else { Ok(events) }
    }

    pub(super) fn decode(recorded: &RecordedEvent) -> Result<Event, CommandError> {
        let header = &recorded.header;
        Codec::shared()
            .decode(&header.event_type, header.schema_version, &recorded.payload)
            .map_err(|source| CommandError::Unreadable { stream: header.stream, source })
    }

    /// After an append: the state with the new events, in memory, and on disk every now and then.
    pub(super) async fn advance(
        &self,
        id: Uuid,
        known: Known<A>,
        events: &[Event],
        position: Position,
        by: ActorKind,
    ) -> Known<A> {
        let before = known.version.0;
        let version = StreamVersion(before + events.len() as u64);
        let state = events.iter().fold(Arc::unwrap_or_clone(known.state), |state, event| state.caused(event, by));
        let known = Known { state: Arc::new(state), version, position };
        self.remember(id, known.clone());
        if before / self.snapshot_every != version.0 / self.snapshot_every {
            self.save_snapshot(id, &known).await;
        }
        known
    }

    /// A snapshot is a short cut: without it everything goes on, slower.
    async fn save_snapshot(&self, id: Uuid, known: &Known<A>) {
        let state = match postcard::to_stdvec(&(known.position, &*known.state)) {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(stream = %self.stream(id), %error, "a snapshot cannot be encoded");
                return;
            }
        };
        let snapshot = Snapshot { version: known.version, format: A::SNAPSHOT_FORMAT, state };
        if let Err(error) = self.journal.save_snapshot(self.stream(id), snapshot).await {
            tracing::warn!(stream = %self.stream(id), %error, "a snapshot cannot be kept");
        }
    }

    async fn load_snapshot(&self, id: Uuid) -> Result<Option<Known<A>>, CommandError> {
        let Some(snapshot) = self.journal.load_snapshot(self.stream(id)).await? else { return Ok(None) };
        if snapshot.format != A::SNAPSHOT_FORMAT {
            return Ok(None);
        }
        match postcard::from_bytes::<(Position, A)>(&snapshot.state) {
            Ok((position, state)) => Ok(Some(Known { state: Arc::new(state), version: snapshot.version, position })),
            Err(error) => {
                tracing::warn!(stream = %self.stream(id), %error, "a snapshot does not decode and is passed over");
                Ok(None)
            }
        }
    }
}

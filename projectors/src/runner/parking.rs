//! Streams that are set aside: the event that could not be folded, and the later ones that queue behind it.
//!
//! Kept in the fold's state, so that it is committed with everything else. What is stored depends on the log only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use events::{Position, RecordedEvent, StreamId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::port::{Changes, StoreError, StoreReader};

/// Key of the list of parked streams.
const STREAMS_KEY: &[u8] = b"!parked";
/// The most of an error that is kept, in characters.
const ERROR_CHARACTERS_MAX: usize = 1_000;

/// A stream that is set aside, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEntry {
    /// The stream.
    pub stream: StreamId,
    /// Position of the event that could not be folded; a skip names it.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Why it could not be folded.
    pub error: String,
    /// Later events of the stream that wait behind it.
    pub queued: u64,
}

/// What is stored about a parked stream. Its queue is numbered from `first` up to, not including, `next`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ParkedStream {
    position: Position,
    event_type: String,
    error: String,
    first: u64,
    next: u64,
}

/// All parked streams of a group, over what is committed.
#[derive(Debug, Default)]
pub(super) struct Parking {
    streams: BTreeMap<StreamId, ParkedStream>,
    /// Shared with everyone who asks for the status.
    names: Arc<BTreeSet<StreamId>>,
    touched: BTreeSet<StreamId>,
    queue: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    queue_bytes: usize,
}

impl Parking {
    pub(super) fn load(store: &dyn StoreReader) -> Result<Self, StoreError> {
        let names: BTreeSet<StreamId> = match store.state(STREAMS_KEY)? {
            Some(bytes) => decode(&bytes)?,
            None => BTreeSet::new(),
        };
        let mut streams = BTreeMap::new();
        for stream in &names {
            let bytes = store.state(&stream_key(*stream))?.ok_or_else(|| corrupt("a parked stream is missing"))?;
            streams.insert(*stream, decode(&bytes)?);
        }
        Ok(Self { streams, names: Arc::new(names), ..Self::default() })
    }

    pub(super) fn names(&self) -> &Arc<BTreeSet<StreamId>> {
        &self.names
    }

    pub(super) fn entries(&self) -> Vec<ParkedEntry> {
        let entry = |(stream, parked): (&StreamId, &ParkedStream)| ParkedEntry {
            stream: *stream,
            position: parked.position,
            event_type: parked.event_type.clone(),
            error: parked.error.clone(),
            queued: parked.next - parked.first,
        };
        self.streams.iter().map(entry).collect()
    }

    pub(super) fn is_parked(&self, stream: StreamId) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Sets a stream aside. What already queues there goes on queueing.
    pub(super) fn park(&mut self, event: &RecordedEvent, error: &str) {
        let stream = event.header.stream;
        let (first, next) = self.streams.get(&stream).map_or((0, 0), |parked| (parked.first, parked.next));
        let parked = ParkedStream {
            position: event.position,
            event_type: event.header.event_type.clone(),
            error: error.chars().take(ERROR_CHARACTERS_MAX).collect(),
            first,
            next,
        };
        self.streams.insert(stream, parked);
        self.touched.insert(stream);
        Arc::make_mut(&mut self.names).insert(stream);
    }

    /// Puts an event behind the parked one of its stream.
    pub(super) fn enqueue(&mut self, event: &RecordedEvent) {
        let stream = event.header.stream;
        let parked = self.streams.get_mut(&stream).expect("events queue behind a parked one only");
        let value = encode(event);
        self.queue_bytes += value.len();
        self.queue.insert(queue_key(stream, parked.next), Some(value));
        parked.next += 1;
        self.touched.insert(stream);
    }

    /// The stream whose parked event is at this position.
    pub(super) fn stream_parked_at(&self, position: Position) -> Option<StreamId> {
        self.streams.iter().find(|(_, parked)| parked.position == position).map(|(stream, _)| *stream)
    }

    /// Takes the next event out of a stream's queue; when there is none the stream is free again.
    pub(super) fn release_next(
        &mut self,
        store: &dyn StoreReader,
        stream: StreamId,
    ) -> Result<Option<RecordedEvent>, StoreError> {
        let parked = self.streams.get_mut(&stream).expect("only a parked stream is released");
        self.touched.insert(stream);
        if parked.first == parked.next {
            self.streams.remove(&stream);
            Arc::make_mut(&mut self.names).remove(&stream);
            return Ok(None);
        }
        let key = queue_key(stream, parked.first);
        parked.first += 1;
        let value = match self.queue.insert(key.clone(), None) {
            Some(pending) => pending,
            None => store.state(&key)?,
        };
        let value = value.ok_or_else(|| corrupt("a queued event is missing"))?;
        decode(&value).map(Some)
    }

    /// Roughly the memory that is pending, in bytes.
    pub(super) fn pending_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// Adds what changed since the last time.
    pub(super) fn take_changes(&mut self, changes: &mut Changes) {
        if self.touched.is_empty() {
            return;
        }
        for stream in std::mem::take(&mut self.touched) {
            changes.state.push((stream_key(stream), self.streams.get(&stream).map(encode)));
        }
        changes.state.extend(std::mem::take(&mut self.queue));
        self.queue_bytes = 0;
        let names = (!self.names.is_empty()).then(|| encode(self.names.as_ref()));
        changes.state.push((STREAMS_KEY.to_vec(), names));
        changes.state.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    }
}

fn stream_key(stream: StreamId) -> Vec<u8> {
    format!("!parked/{stream}").into_bytes()
}

fn queue_key(stream: StreamId, number: u64) -> Vec<u8> {
    let mut key = stream_key(stream);
    key.push(b'/');
    key.extend(number.to_be_bytes());
    key
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("memory takes any envelope; no part of one can fail to serialise")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|e| corrupt(&e.to_string()))
}

fn corrupt(reason: &str) -> StoreError {
    StoreError::Corrupt { operation: "read parked streams", reason: reason.to_owned() }
}

//! The smallest projection that notices order: a row per stream with the number of its events and their last words.

use std::collections::BTreeMap;
use std::time::Duration;

use events::{Event, Position, RecordedEvent, StreamId};
use projectors::{ApplyError, Changes, Projection, StoreError, StoreReader};
use views::{Row, RowKey};

pub(crate) const GROUP: &str = "counting";
pub(crate) const VERSION: u32 = 2;
const WORDS_BYTES_MAX: usize = 60;

pub(crate) struct Counting {
    /// A later one says so in its rows, and panics at other words.
    version: u32,
    pub(crate) event_takes: Duration,
    pending: BTreeMap<StreamId, (Stored, Position)>,
}

impl Default for Counting {
    fn default() -> Self {
        Self::of_version(VERSION)
    }
}

impl Counting {
    pub(crate) fn of_version(version: u32) -> Self {
        Self { version, event_takes: Duration::ZERO, pending: BTreeMap::new() }
    }
}

#[derive(Clone, Default)]
struct Stored {
    count: u64,
    words: String,
}

impl Stored {
    fn to_bytes(&self) -> Vec<u8> {
        format!("{} {}", self.count, self.words).into_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let (count, words) = std::str::from_utf8(bytes).unwrap().split_once(' ').unwrap();
        Self { count: count.parse().unwrap(), words: words.to_owned() }
    }
}

pub(crate) fn row_key(stream: StreamId) -> RowKey {
    RowKey::Reference(stream.to_string())
}

impl Projection for Counting {
    fn version(&self) -> u32 {
        self.version
    }

    fn apply(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        payload: Event,
        at: Position,
    ) -> Result<(), ApplyError> {
        if !self.event_takes.is_zero() {
            std::thread::sleep(self.event_takes);
        }
        let Event::BusinessRemoved(removed) = payload else { return Ok(()) };
        match removed.reason.as_str() {
            "poison" => return Err(ApplyError::Poisonous("it is poison".to_owned())),
            "panic" => panic!("told to panic"),
            "panic later" if self.version > VERSION => panic!("told to panic later"),
            _ => {}
        }
        let stream = event.header.stream;
        let mut stored = match self.pending.get(&stream) {
            Some((stored, _)) => stored.clone(),
            None => store.state(stream.to_string().as_bytes())?.map(|b| Stored::from_bytes(&b)).unwrap_or_default(),
        };
        stored.count += 1;
        stored.words = format!("{} {}", removed.reason, stored.words);
        stored.words.truncate(WORDS_BYTES_MAX);
        self.pending.insert(stream, (stored, at));
        Ok(())
    }

    fn render(&mut self, _store: &dyn StoreReader) -> Result<Changes, StoreError> {
        let mut changes = Changes::default();
        for (stream, (stored, version)) in std::mem::take(&mut self.pending) {
            let mut body = stored.to_bytes();
            changes.state.push((stream.to_string().into_bytes(), Some(body.clone())));
            if self.version > VERSION {
                body.extend(format!("by version {}", self.version).bytes());
            }
            changes.rows.push((row_key(stream).to_bytes(), Some(Row { version, body: body.into() })));
        }
        changes.state.sort();
        changes.rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(changes)
    }

    fn pending_bytes(&self) -> usize {
        self.pending.len() * 100
    }
}

//! The feed over Kafka. Each of its followers reads at its own position, with a consumer of its own.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent};
use tokio::sync::watch;

use super::cursor::Cursor;
use super::options::KafkaOptions;
use super::probe::Probe;
use crate::error::JournalError;
use crate::port::{EventFeed, Watermark};

/// Reads the topic that a relay fills. A clone is another handle to the same one.
#[derive(Clone)]
pub struct KafkaEventFeed {
    inner: Arc<Inner>,
}

struct Inner {
    journal: JournalId,
    options: KafkaOptions,
    probe: Probe,
    /// Where the topic ended when last looked at, and the newest position up to there.
    head: Mutex<(i64, Position)>,
    /// Followers that nobody reads from just now; the one used last stands last.
    cursors: Mutex<Vec<Cursor>>,
    watermarks: watch::Sender<Option<Watermark>>,
}

impl KafkaEventFeed {
    /// The feed of a journal. Kafka need not answer yet.
    ///
    /// # Errors
    /// librdkafka does not take the settings.
    pub fn new(journal: JournalId, options: KafkaOptions) -> Result<Self, JournalError> {
        let probe = Probe::new(journal, &options)?;
        let (head, cursors) = (Mutex::new((0, Position::ZERO)), Mutex::default());
        let inner = Inner { journal, options, probe, head, cursors, watermarks: watch::Sender::new(None) };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    /// The follower that is at a position, or a new one.
    async fn take(&self, position: Position) -> Result<Cursor, JournalError> {
        let known = {
            let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
            let known = cursors.iter().position(|cursor| cursor.position() == position);
            known.map(|number| cursors.remove(number))
        };
        match known {
            Some(cursor) => Ok(cursor),
            None => {
                let watermarks = self.watermarks.clone();
                Cursor::at(position, &self.probe, self.journal, &self.options, watermarks).await
            }
        }
    }

    /// Whether somebody who has nothing yet waits for a topic that nobody has made yet. To everybody else a topic that is
    /// not there is one that is gone.
    async fn is_before_all(&self, position: Position) -> Result<bool, JournalError> {
        let followed = || {
            let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
            cursors.iter().any(|cursor| cursor.position() == position)
        };
        Ok(position == Position::ZERO && !followed() && self.probe.offsets_if_there().await?.is_none())
    }

    /// Keeps a follower, unless its place is none any more: another one finds out whether there is one again.
    fn keep_unless_lost<T>(&self, cursor: Cursor, outcome: &Result<T, JournalError>) {
        if matches!(outcome, Ok(_) | Err(JournalError::Unavailable { .. })) {
            self.keep(cursor);
        }
    }

    fn keep(&self, cursor: Cursor) {
        let oldest = {
            let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
            cursors.push(cursor);
            (cursors.len() > self.options.cursors.max(1)).then(|| cursors.remove(0))
        };
        drop(oldest);
    }
}

#[async_trait]
impl EventFeed for KafkaEventFeed {
    fn journal_id(&self) -> JournalId {
        self.inner.journal
    }

    async fn head(&self) -> Result<Position, JournalError> {
        let inner = &self.inner;
        let offsets = inner.probe.offsets().await?;
        let (end, known) = *inner.head.lock().unwrap_or_else(PoisonError::into_inner);
        if offsets.end == end {
            return Ok(known);
        }
        if offsets.is_empty() {
            return match offsets.end {
                0 => Ok(Position::ZERO),
                end => Err(JournalError::Corrupt {
                    operation: "look at the topic",
                    reason: format!("the topic was emptied: it begins and ends at offset {end}"),
                }),
            };
        }
        let last = inner.probe.record_at(offsets.end - 1).await?.position();
        // A relay that is late may have written the last record; what was there before still is.
        let head = last.max(known);
        *inner.head.lock().unwrap_or_else(PoisonError::into_inner) = (offsets.end, head);
        Ok(head)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        if after.0 == u64::MAX || limit == 0 {
            return Ok(Vec::new());
        }
        if self.inner.is_before_all(after).await? {
            return Ok(Vec::new());
        }
        let mut cursor = self.inner.take(after).await?;
        let read = cursor.read(limit, &self.inner.probe).await;
        self.inner.keep_unless_lost(cursor, &read);
        read
    }

    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError> {
        while self.inner.is_before_all(position).await? {
            tokio::time::sleep(self.inner.options.topic_look).await;
        }
        let mut cursor = self.inner.take(position).await?;
        let waited = cursor.wait().await;
        self.inner.keep_unless_lost(cursor, &waited);
        waited
    }

    fn watermarks(&self) -> Option<watch::Receiver<Option<Watermark>>> {
        Some(self.inner.watermarks.subscribe())
    }
}

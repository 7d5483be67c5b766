//! One follower of the topic, from a position on: drops what it has seen, and never passes a hole.

use std::time::Duration;

use events::{EventId, JournalId, Position, RecordedEvent};
use futures::FutureExt;
use rdkafka::Message;
use rdkafka::consumer::Consumer;
use tokio::sync::watch;

use super::client::{Quiet, QuietConsumer, consumer_config};
use super::failure::{failure, passes, silence};
use super::options::KafkaOptions;
use super::probe::{Probe, place};
use super::record::{self, Record};
use super::topic::topic_name;
use crate::error::JournalError;
use crate::port::Watermark;

const READ: &str = "read the topic";

/// Follows the topic. Dropped in the midst of a call it is gone; another one is made for its position.
pub(super) struct Cursor {
    journal: JournalId,
    topic: String,
    brokers: String,
    answer_timeout: Duration,
    /// In a box of its own so that it can be let go on another thread: that may take a while.
    consumer: Option<Box<QuietConsumer>>,
    /// The last event that was given out, and its id once it was seen.
    last: Position,
    last_id: Option<EventId>,
    /// Read, but not given out yet.
    pending: Option<RecordedEvent>,
    /// What went wrong behind the events that were given out.
    failed: Option<JournalError>,
    /// The offset behind the last record that was read.
    next_offset: i64,
    /// Where the topic ended when last asked: up to there records come without being waited for.
    known_end: i64,
    /// The position before a hole for which the topic was read from its front once more.
    searched_for: Option<Position>,
    /// The first position that was seen behind a hole.
    behind_hole: Option<Position>,
    watermarks: watch::Sender<Option<Watermark>>,
}

impl Cursor {
    /// Follows from a position on.
    pub(super) async fn at(
        position: Position,
        probe: &Probe,
        journal: JournalId,
        options: &KafkaOptions,
        watermarks: watch::Sender<Option<Watermark>>,
    ) -> Result<Self, JournalError> {
        let offset = probe.offset_of(position).await?;
        let consumer: QuietConsumer =
            consumer_config(options).create_with_context(Quiet).map_err(|error| failure(READ, error))?;
        let mut cursor = Self {
            journal,
            topic: topic_name(journal),
            brokers: options.brokers.clone(),
            answer_timeout: options.answer_timeout,
            consumer: Some(Box::new(consumer)),
            last: position,
            last_id: None,
            pending: None,
            failed: None,
            next_offset: offset,
            known_end: offset,
            searched_for: None,
            behind_hole: None,
            watermarks,
        };
        cursor.seek(offset)?;
        Ok(cursor)
    }

    /// The last position that was given out.
    pub(super) fn position(&self) -> Position {
        self.last
    }

    /// Events that come next, at most `limit`: all that the broker has, or what has come since.
    pub(super) async fn read(&mut self, limit: usize, probe: &Probe) -> Result<Vec<RecordedEvent>, JournalError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut events = Vec::new();
        while events.len() < limit {
            let event = match self.pending.take() {
                Some(event) => event,
                None => match self.next().now_or_never() {
                    Some(Ok(Some(event))) => event,
                    Some(Ok(None)) => continue,
                    Some(Err(error)) if events.is_empty() => return Err(error),
                    // What was read before a failure counts. Some failures come once only.
                    Some(Err(error)) => {
                        self.failed = Some(error);
                        break;
                    }
                    None if self.more_will_come(events.is_empty(), probe).await? => {
                        self.pending = self.next_in_time().await?;
                        continue;
                    }
                    None => break,
                },
            };
            self.last = event.position;
            self.last_id = Some(event.header.event_id);
            events.push(event);
        }
        if events.is_empty() {
            self.tell_of_hole()?;
        }
        Ok(events)
    }

    /// Returns once there is an event to read.
    pub(super) async fn wait(&mut self) -> Result<(), JournalError> {
        while self.pending.is_none() && self.failed.is_none() {
            self.pending = self.next().await?;
        }
        Ok(())
    }

    /// Whether the broker has records that were not read yet. With some in hand nobody asks it anew.
    async fn more_will_come(&mut self, empty_handed: bool, probe: &Probe) -> Result<bool, JournalError> {
        if self.next_offset >= self.known_end && empty_handed {
            self.known_end = probe.offsets().await?.end;
        }
        Ok(self.next_offset < self.known_end)
    }

    async fn next_in_time(&mut self) -> Result<Option<RecordedEvent>, JournalError> {
        let limit = self.answer_timeout;
        match tokio::time::timeout(limit, self.next()).await {
            Ok(next) => next,
            Err(_) => Err(silence(READ, &self.brokers, limit)),
        }
    }

    /// Nothing more is there: fine, unless what is there stands behind a hole.
    fn tell_of_hole(&self) -> Result<(), JournalError> {
        let Some(behind) = self.behind_hole else { return Ok(()) };
        let reason = format!(
            "the topic has a hole: position {behind} comes after {}; nothing is passed over, it goes on with {}, \
             which `lawless relay refill` brings if no relay does",
            self.last,
            self.last.next()
        );
        Err(JournalError::Unavailable { operation: READ, reason })
    }

    /// Waits for the next record; gives the event, if it is the next one.
    async fn next(&mut self) -> Result<Option<RecordedEvent>, JournalError> {
        let consumer = self.consumer.as_ref().expect("only dropping takes it");
        let record = match consumer.recv().await {
            Ok(message) => {
                let offset = message.offset();
                self.next_offset = offset + 1;
                record::read(self.journal, &message).map_err(|reason| JournalError::Corrupt {
                    operation: READ,
                    reason: format!("{reason} (offset {offset})"),
                })?
            }
            Err(error) if passes(&error) => {
                tracing::debug!(%error, "a consumer goes on");
                return Ok(None);
            }
            Err(error) => return Err(failure(READ, error)),
        };
        match record {
            Record::Watermark(watermark) => {
                self.watermarks.send_if_modified(|newest| {
                    let newer = newest.is_none_or(|newest| newest.time < watermark.time);
                    if newer {
                        *newest = Some(watermark);
                    }
                    newer
                });
                Ok(None)
            }
            Record::Event(event) => self.sort_in(*event),
        }
    }

    /// Seen before: dropped. Next: given out. Beyond a hole: dropped, too, until what is missing comes.
    fn sort_in(&mut self, event: RecordedEvent) -> Result<Option<RecordedEvent>, JournalError> {
        let next = self.last.next();
        if event.position == next {
            self.behind_hole = None;
            return Ok(Some(event));
        }
        if event.position == self.last && self.last_id.is_some_and(|id| id != event.header.event_id) {
            let reason = format!("the topic has two events at position {}", event.position);
            return Err(JournalError::Corrupt { operation: READ, reason });
        }
        if event.position < next {
            return Ok(None);
        }
        if self.searched_for != Some(self.last) {
            // Several relays at once may have written it further in front than where this follower began.
            tracing::warn!(
                after = self.last.0,
                found = event.position.0,
                "a hole in the topic: it is read from its front"
            );
            self.searched_for = Some(self.last);
            self.seek(0)?;
            return Ok(None);
        }
        if self.behind_hole.is_none() {
            tracing::error!(after = self.last.0, found = event.position.0, "a hole in the topic");
            self.behind_hole = Some(event.position);
        }
        Ok(None)
    }

    fn seek(&mut self, offset: i64) -> Result<(), JournalError> {
        self.next_offset = offset;
        let consumer = self.consumer.as_ref().expect("only dropping takes it");
        place(&self.topic, offset).and_then(|place| consumer.assign(&place)).map_err(|error| failure(READ, error))
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(consumer))),
            Err(_) => drop(consumer),
        }
    }
}

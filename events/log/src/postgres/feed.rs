//! The tail of the journal, read from its own table: for the relay, and for whoever has no other feed.

use std::time::Duration;

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent};

use super::reader::Reader;
use crate::error::JournalError;
use crate::port::EventFeed;

/// How often the head is looked at for what other processes append: first, and at most.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const LOOK_EVERY_MAX: Duration = Duration::from_millis(50);

/// Reads the journal's table; this process's writer wakes it after each commit, other processes' are found by looking.
#[derive(Debug, Clone)]
pub struct PostgresEventFeed {
    pub(super) reader: Reader,
}

#[async_trait]
impl EventFeed for PostgresEventFeed {
    fn journal_id(&self) -> JournalId {
        self.reader.id
    }

    async fn head(&self) -> Result<Position, JournalError> {
        self.reader.head().await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        self.reader.events(after, limit).await
    }

    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError> {
        let mut seen = self.reader.seen.watch();
        let mut pause = LOOK_EVERY;
        loop {
            let waited = tokio::time::timeout(pause, seen.wait_for(|head| *head > position)).await;
            // Without the value that was waited for: it holds a lock.
            match waited.map(drop) {
                Ok(()) => return Ok(()),
                Err(_) if self.reader.head().await? > position => return Ok(()),
                Err(_) => pause = (pause * 2).min(LOOK_EVERY_MAX),
            }
        }
    }
}

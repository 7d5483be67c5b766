//! The tail of the journal, in process.

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent};
use tokio::sync::watch;

use super::reader::Reader;
use crate::error::JournalError;
use crate::port::EventFeed;

/// Reads the journal's own table; the writer wakes it after each commit.
#[derive(Debug, Clone)]
pub struct SqliteEventFeed {
    pub(super) reader: Reader,
    pub(super) head: watch::Receiver<Position>,
}

#[async_trait]
impl EventFeed for SqliteEventFeed {
    fn journal_id(&self) -> JournalId {
        self.reader.id
    }

    async fn head(&self) -> Result<Position, JournalError> {
        Ok(*self.head.borrow())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        self.reader.events(after, limit).await
    }

    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError> {
        let mut head = self.head.clone();
        match head.wait_for(|head| *head > position).await {
            Ok(_) => Ok(()),
            Err(_) => Err(JournalError::Unavailable {
                operation: "wait for events",
                reason: "it is shutting down".to_owned(),
            }),
        }
    }
}

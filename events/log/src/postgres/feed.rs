//! The tail of the journal, read from its own table: for the relay, and for whoever has no other feed.

use async_trait::async_trait;
use events::{JournalId, Position, RecordedEvent};

use super::options::LookEvery;
use super::reader::Reader;
use super::wake::Wake;
use crate::error::JournalError;
use crate::port::EventFeed;

/// Reads the journal's table. This process's writer wakes it after each commit, other processes' tell of theirs; what was
/// not told is found by looking.
#[derive(Debug, Clone)]
pub struct PostgresEventFeed {
    pub(super) reader: Reader,
    pub(super) wake: Wake,
    pub(super) look_every: LookEvery,
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
        if *seen.borrow() > position {
            return Ok(());
        }
        let mut heard = self.wake.heard();
        let mut pause = self.look_every.first;
        loop {
            tokio::select! {
                // Without the value that was waited for: it holds a lock.
                Ok(()) = async { seen.wait_for(|head| *head > position).await.map(drop) } => return Ok(()),
                Ok(()) = heard.changed() => {}
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(self.look_every.longest),
            }
            if self.reader.head().await? > position {
                return Ok(());
            }
        }
    }
}

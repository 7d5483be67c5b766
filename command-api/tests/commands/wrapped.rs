//! The real journal, with something happening before it is asked.

use std::pin::Pin;

use async_trait::async_trait;
use event_log::{
    Append, AppendError, Appended, Claim, ClaimKind, IdempotencyKey, Journal, JournalError, KeyRecord, Snapshot,
    SqliteJournal,
};
use events::{JournalId, RecordedEvent, StreamId, StreamVersion};

type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

type Before = Box<dyn Fn(Option<&Append>) -> Happening + Send + Sync>;

pub(crate) struct Wrapped {
    pub(crate) journal: SqliteJournal,
    /// What happens before each append, and, without one, before each look at claims.
    pub(crate) before: Before,
    /// Whether the line breaks after each append: what was stored is not told.
    pub(crate) loses_answers: bool,
}

#[async_trait]
impl Journal for Wrapped {
    fn id(&self) -> JournalId {
        self.journal.id()
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        (self.before)(Some(&append)).await;
        let appended = self.journal.append(append).await?;
        if self.loses_answers {
            return Err(JournalError::Unavailable { operation: "append", reason: "the line broke".to_owned() }.into());
        }
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: StreamId,
        after: StreamVersion,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, JournalError> {
        self.journal.read_stream(stream, after, limit).await
    }

    async fn find_key(&self, key: &IdempotencyKey) -> Result<Option<KeyRecord>, JournalError> {
        self.journal.find_key(key).await
    }

    async fn find_claims(&self, claims: &[Claim]) -> Result<Vec<Option<StreamId>>, JournalError> {
        (self.before)(None).await;
        self.journal.find_claims(claims).await
    }

    async fn list_claims(
        &self,
        kind: ClaimKind,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, StreamId)>, JournalError> {
        self.journal.list_claims(kind, prefix, after, limit).await
    }

    async fn load_snapshot(&self, stream: StreamId) -> Result<Option<Snapshot>, JournalError> {
        self.journal.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> Result<(), JournalError> {
        self.journal.save_snapshot(stream, snapshot).await
    }
}

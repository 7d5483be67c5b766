//! What a group follows, and whether what it has made came from there.

use std::sync::Arc;

use event_log::{EventFeed, JournalError};
use events::Position;

use super::GroupError;
use crate::port::{Checkpoint, StoreError};

/// What a group follows.
#[derive(Clone)]
pub struct Followed {
    /// What it reads.
    pub(super) feed: Arc<dyn EventFeed>,
    /// The journal's own tail, if the feed is a copy of it.
    pub(super) journal: Option<Arc<dyn EventFeed>>,
}

impl Followed {
    /// Something that carries a journal's events elsewhere. It may be behind, and it may have what a journal that was put
    /// back to an earlier state has not.
    pub fn copy(feed: Arc<dyn EventFeed>, journal: Arc<dyn EventFeed>) -> Self {
        Self { feed, journal: Some(journal) }
    }

    /// Refuses a store that did not come from here.
    pub(super) async fn check_origin(&self, checkpoint: Option<Checkpoint>) -> Result<(), GroupError> {
        let Some(journal) = &self.journal else { return check_origin(self.feed.as_ref(), checkpoint).await };
        check_origin(journal.as_ref(), checkpoint).await?;
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        let (head, position) = (self.feed.head().await?, checkpoint.position);
        if head < position {
            return Err(GroupError::Journal(JournalError::Unavailable {
                operation: "look for where the views are",
                reason: format!("what carries the events has come to {head} only, and the views to {position}"),
            }));
        }
        check_origin(self.feed.as_ref(), Some(checkpoint)).await
    }
}

/// The journal's own tail.
impl From<Arc<dyn EventFeed>> for Followed {
    fn from(feed: Arc<dyn EventFeed>) -> Self {
        Self { feed, journal: None }
    }
}

impl<F: EventFeed> From<Arc<F>> for Followed {
    fn from(feed: Arc<F>) -> Self {
        Self { feed, journal: None }
    }
}

/// Refuses a store that did not come from this feed.
pub(super) async fn check_origin(feed: &dyn EventFeed, checkpoint: Option<Checkpoint>) -> Result<(), GroupError> {
    let Some(checkpoint) = checkpoint else { return Ok(()) };
    let foreign = |reason: String| Err(GroupError::Store(StoreError::Foreign { reason }));
    let journal_id = feed.journal_id();
    if checkpoint.journal_id != journal_id {
        return foreign(format!("they follow journal {}, this is journal {journal_id}", checkpoint.journal_id));
    }
    let position = checkpoint.position;
    let head = feed.head().await?;
    if head < position {
        return foreign(format!("they have come to position {position}, the journal ends at {head}"));
    }
    let found = feed.read(Position(position.0.saturating_sub(1)), 1).await?;
    match found.first() {
        Some(event) if event.position == position && event.header.event_id == checkpoint.event_id => Ok(()),
        Some(event) => foreign(format!(
            "they have folded event {} at position {position}, the journal has event {} at {}",
            checkpoint.event_id, event.header.event_id, event.position
        )),
        None => foreign(format!("the journal has no event at position {position}, where they are")),
    }
}

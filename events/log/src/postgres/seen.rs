//! How far this process has seen the journal: a journal that says less, or something else, is not the one that it was.
//!
//! That is so after a backup was put back, or a standby was promoted that had not got everything. Positions would be
//! given a second time, to other events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use events::{EventId, JournalId, Position};
use tokio::sync::watch;

use crate::error::JournalError;

/// Ends of pages that are remembered: one for each who follows, and some more.
const ENDS_KEPT: usize = 64;

/// What all handles and the writer of one journal have seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    head: Arc<watch::Sender<Position>>,
    /// The last events of pages that were handed out: whoever reads on from there is to find them again.
    ends: Arc<Mutex<VecDeque<(Position, EventId)>>>,
    /// The newest event of which the id is known.
    newest: Arc<Mutex<Option<(Position, EventId)>>>,
}

impl Seen {
    pub(super) fn new(head: Position) -> Self {
        Self { head: Arc::new(watch::Sender::new(head)), ends: Arc::default(), newest: Arc::default() }
    }

    /// The highest position that this process knows of.
    pub(super) fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// Hears of it when that gets higher.
    pub(super) fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// The journal has come to this position.
    pub(super) fn note_head(&self, head: Position) {
        self.head.send_if_modified(|seen| {
            let higher = head > *seen;
            *seen = head.max(*seen);
            higher
        });
    }

    /// A page ended with this event.
    pub(super) fn note_end(&self, position: Position, event: EventId) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|(known, _)| *known != position);
        if ends.len() >= ENDS_KEPT {
            ends.pop_front();
        }
        ends.push_back((position, event));
        drop(ends);
        self.note_newest(position, event);
    }

    /// There is this event.
    pub(super) fn note_newest(&self, position: Position, event: EventId) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_none_or(|(known, _)| position > known) {
            *newest = Some((position, event));
        }
    }

    /// The newest event of which the id is known.
    pub(super) fn newest(&self) -> Option<(Position, EventId)> {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event at a position, if a page ended there.
    pub(super) fn end(&self, position: Position) -> Option<EventId> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().find(|(known, _)| *known == position).map(|(_, event)| *event)
    }
}

/// Refuses a journal of another id.
pub(super) fn ensure_same(operation: &'static str, expected: JournalId, found: JournalId) -> Result<(), JournalError> {
    if found == expected {
        return Ok(());
    }
    Err(went_back(operation, &format!("this is journal {found} now, and not {expected}")))
}

/// It is not the journal that it was. `lawless journal adopt` is the cure.
pub(super) fn went_back(operation: &'static str, what: &str) -> JournalError {
    let reason = format!(
        "{what}; a backup was put back, or a standby promoted that had not got everything: start this process again, \
         after `lawless journal adopt`"
    );
    JournalError::Corrupt { operation, reason }
}

//! Where the topic ends, and whether it is a copy of this journal at all.

use std::ops::Range;

use events::{EventId, Position};

use crate::error::JournalError;
use crate::kafka::KafkaOptions;
use crate::kafka::probe::Probe;
use crate::port::EventFeed;
use crate::postgres::{Lease, PostgresJournal};

const RESUME: &str = "find where the topic ends";

/// Where to go on.
pub(super) struct Resume {
    /// After this position.
    pub(super) after: Position,
    /// Behind this offset.
    pub(super) end: i64,
    /// Looks at the topic.
    pub(super) probe: Probe,
}

/// Where to go on.
///
/// # Errors
/// [`JournalError::Corrupt`] with words for the operator when the topic is no copy of the journal's beginning: records
/// are missing at its front, it was emptied, or it holds what the journal does not.
pub(super) async fn find(
    journal: &PostgresJournal,
    lease: &Lease,
    kafka: &KafkaOptions,
) -> Result<Resume, JournalError> {
    let probe = Probe::new(crate::port::Journal::id(journal), kafka)?;
    let offsets = probe.offsets_once_there().await?;
    let after = last_position(journal, lease, &probe, &offsets).await?;
    Ok(Resume { after, end: offsets.end, probe })
}

async fn last_position(
    journal: &PostgresJournal,
    lease: &Lease,
    probe: &Probe,
    offsets: &Range<i64>,
) -> Result<Position, JournalError> {
    if offsets.start != 0 {
        return halt(format!(
            "the first {} records of the topic are gone, so nothing can be made anew from it: `lawless relay refill`",
            offsets.start
        ));
    }
    if offsets.is_empty() {
        let relayed = lease.progress().await?;
        if relayed > Position::ZERO {
            return halt(format!(
                "the topic is empty, but events up to position {relayed} had been relayed: it was made anew; \
                 `lawless relay refill` fills it again"
            ));
        }
        return Ok(Position::ZERO);
    }
    let first = probe.record_at(0).await?;
    if first.position() != Position(1) {
        return halt(format!(
            "the topic begins with position {}, not with 1: `lawless relay refill`",
            first.position()
        ));
    }
    expect_event(journal, first.position(), first.event_id()).await?;
    let last = probe.record_at(offsets.end - 1).await?;
    expect_event(journal, last.position(), last.event_id()).await?;
    Ok(last.position())
}

/// The journal has the event that the topic has at a position.
async fn expect_event(journal: &PostgresJournal, position: Position, in_topic: EventId) -> Result<(), JournalError> {
    let before = Position(position.0.saturating_sub(1));
    match journal.feed().read(before, 1).await?.first() {
        Some(event) if event.header.event_id == in_topic => Ok(()),
        Some(event) => halt(format!(
            "the topic has event {in_topic} at position {position}, the journal has {}: the journal went another way \
             since (a backup, a standby that was behind?); `lawless journal adopt` gives it a name of its own",
            event.header.event_id
        )),
        None => halt(format!(
            "the topic has come to position {position}, where the journal has nothing: the journal is older than it was \
             (a backup, a standby that was behind?); `lawless journal adopt` gives it a name of its own"
        )),
    }
}

fn halt<T>(reason: String) -> Result<T, JournalError> {
    Err(JournalError::Corrupt { operation: RESUME, reason })
}

//! An operator's decision to go on without a parked event. It is an event itself: every replica follows it at the
//! same position, and it stands in the journal with its reason.

use event_log::{Append, AppendError, IdempotencyKey, Journal, JournalError, NewEvent};
use events::{
    Actor, Codec, CommandId, Event, EventId, ParkedEventSkipped, Position, StreamId, StreamVersion, Timestamp,
};
use projectors::ParkedEntry;
use thiserror::Error;
use uuid::Uuid;

/// Tries when others append to the same stream at the same time.
const ATTEMPTS: usize = 8;
/// Events of the stream that are read at once.
const PAGE: usize = 1_000;
/// Characters of a reason.
const MAX_REASON_CHARS: usize = 500;

/// Why a skip was refused.
#[derive(Debug, Error)]
pub(crate) enum SkipError {
    /// The reason is empty or too long.
    #[error("a reason of 1 to {MAX_REASON_CHARS} characters is needed")]
    Reason,
    /// Nothing is parked there.
    #[error("no event is parked at position {0}")]
    NotParked(Position),
    /// The journal refused.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The journal could not answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Appends the decision; its position comes back.
///
/// # Errors
/// [`SkipError`].
pub(crate) async fn skip_parked_event(
    journal: &dyn Journal,
    group: &str,
    parked: &[ParkedEntry],
    position: Position,
    reason: &str,
    actor: Actor,
) -> Result<Position, SkipError> {
    if reason.trim().is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        return Err(SkipError::Reason);
    }
    if !parked.iter().any(|entry| entry.position == position) {
        return Err(SkipError::NotParked(position));
    }
    let skipped = ParkedEventSkipped {
        group: group.to_owned(),
        position: i64::try_from(position.0).map_err(|_| SkipError::NotParked(position))?,
        reason: reason.to_owned(),
    };
    let encoded = Codec::shared().encode(&Event::ParkedEventSkipped(skipped));
    let stream = StreamId::operations(group);
    let command_id = CommandId(Uuid::now_v7());
    for attempt in 1.. {
        let append = Append {
            stream,
            expected_version: version_of(journal, stream).await?,
            reads: Vec::new(),
            claims: Vec::new(),
            key: IdempotencyKey {
                actor: format!("{}:{}", actor.kind.name(), actor.id),
                // One decision per event, however often it is asked for.
                key: format!("skip {group} {position}"),
            },
            payload_hash: [0; 32],
            actor: actor.clone(),
            command_id,
            correlation: Uuid::now_v7(),
            causation: None,
            events: vec![NewEvent {
                event_id: EventId(Uuid::now_v7()),
                event_type: encoded.event_type,
                schema_version: encoded.schema_version,
                occurred_at: now(),
                payload: encoded.payload.clone(),
            }],
        };
        match journal.append(append).await {
            Ok(appended) => return Ok(appended.last),
            Err(AppendError::StaleVersion { .. }) if attempt < ATTEMPTS => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the last attempt returns")
}

async fn version_of(journal: &dyn Journal, stream: StreamId) -> Result<StreamVersion, JournalError> {
    let mut version = StreamVersion::ZERO;
    loop {
        let page = journal.read_stream(stream, version, PAGE).await?;
        match page.last() {
            Some(last) => version = last.header.version,
            None => return Ok(version),
        }
    }
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use event_log::{EventFeed, SqliteJournal, SqliteJournalOptions};

    use super::*;

    fn operator() -> Actor {
        Actor { kind: events::ActorKind::Admin, id: "test".to_owned() }
    }

    #[tokio::test]
    async fn a_decision_about_a_parked_event_stands_in_the_journal_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.sqlite");
        let journal = SqliteJournal::open(file, SqliteJournalOptions::default()).await.unwrap();
        let parked = [3, 9].map(|position| ParkedEntry {
            stream: StreamId::operations("other"),
            position: Position(position),
            event_type: "BusinessRegistered".to_owned(),
            error: "no such category".to_owned(),
            queued: 0,
        });
        let skip = async |position, reason: &'static str| {
            skip_parked_event(&journal, "directory", &parked, Position(position), reason, operator()).await
        };

        assert!(matches!(skip(4, "why").await, Err(SkipError::NotParked(Position(4)))));
        assert!(matches!(skip(3, " ").await, Err(SkipError::Reason)));
        assert_eq!(skip(3, "a typing error upstream").await.unwrap(), Position(1));
        assert_eq!(skip(3, "asked again").await.unwrap(), Position(1), "the first decision stands");
        assert_eq!(skip(9, "another").await.unwrap(), Position(2));

        let events = journal.feed().read(Position::ZERO, 10).await.unwrap();
        let decided = Codec::shared().decode(&events[0].header.event_type, 1, &events[0].payload).unwrap();
        let expected = ParkedEventSkipped {
            group: "directory".to_owned(),
            position: 3,
            reason: "a typing error upstream".to_owned(),
        };
        assert_eq!(decided, Event::ParkedEventSkipped(expected));
    }
}

//! Where a publisher that begins goes back to.

use std::time::Duration;

use event_log::{EventFeed, JournalError};
use events::{Position, Timestamp};
use views::{Publication, ViewError};

/// The position so long before the last word about what is published.
pub(super) async fn position_before(
    journal: &dyn EventFeed,
    published: &Publication,
    again: Duration,
) -> Result<Position, ViewError> {
    let found = search(journal, published, again).await;
    found.map_err(|error| ViewError::Unavailable { operation: "look where to go on", reason: error.to_string() })
}

/// Times of events grow with their positions, nearly: that they do not quite costs some rows more or less of ten minutes.
async fn search(journal: &dyn EventFeed, published: &Publication, again: Duration) -> Result<Position, JournalError> {
    let recorded = async |position: u64| {
        let found = journal.read(Position(position - 1), 1).await?;
        Ok::<_, JournalError>(found.first().map(|event| event.recorded_at))
    };
    let mut last = published.position.0;
    let said = match (published.as_of, last) {
        (Some(as_of), _) => Some(as_of),
        (None, 0) => None,
        (None, last) => recorded(last).await?,
    };
    let Some(said) = said else { return Ok(Position::ZERO) };
    let since = Timestamp(said.0.saturating_sub(i64::try_from(again.as_micros()).unwrap_or(i64::MAX)));
    let mut before = 0;
    while before < last {
        let middle = before + (last - before).div_ceil(2);
        if recorded(middle).await?.is_some_and(|at| at < since) {
            before = middle;
        } else {
            last = middle - 1;
        }
    }
    Ok(Position(before))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use events::{
        Actor, ActorKind, BusinessId, CommandId, EventHeader, EventId, JournalId, RecordedEvent, StreamVersion,
    };
    use uuid::Uuid;

    use super::*;

    /// An event each second.
    struct Seconds(u64);

    #[async_trait]
    impl EventFeed for Seconds {
        fn journal_id(&self) -> JournalId {
            JournalId(Uuid::nil())
        }

        async fn head(&self) -> Result<Position, JournalError> {
            Ok(Position(self.0))
        }

        async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
            let positions = (after.0 + 1..=self.0).take(limit);
            Ok(positions.map(|position| recorded(Position(position))).collect())
        }

        async fn wait_beyond(&self, _: Position) -> Result<(), JournalError> {
            std::future::pending().await
        }
    }

    fn recorded(position: Position) -> RecordedEvent {
        let header = EventHeader {
            event_id: EventId(Uuid::nil()),
            stream: BusinessId(Uuid::nil()).into(),
            version: StreamVersion(1),
            event_type: String::new(),
            schema_version: 1,
            occurred_at: Timestamp(0),
            actor: Actor { kind: ActorKind::System, id: String::new() },
            causation: None,
            correlation: Uuid::nil(),
            command_id: CommandId(Uuid::nil()),
        };
        let recorded_at = Timestamp(position.0.cast_signed() * 1_000_000);
        RecordedEvent { position, recorded_at, header, payload: Vec::new(), crc32c: 0 }
    }

    #[tokio::test]
    async fn it_goes_back_ten_minutes_of_the_journal_from_when_something_was_said_last() {
        let journal = Seconds(10_000);
        for (position, as_of, expected) in [
            (10_000, Some(10_000), 9_399),
            (9_000, Some(9_100), 8_499),
            // Nothing has happened for longer than that.
            (9_000, Some(20_000), 9_000),
            // Nobody knows how old it is: as old as its last event.
            (9_000, None, 8_399),
            (500, Some(500), 0),
            (0, None, 0),
        ] {
            let published = Publication {
                journal_id: journal.journal_id(),
                position: Position(position),
                parked: Arc::default(),
                as_of: as_of.map(|second: i64| Timestamp(second * 1_000_000)),
                served: true,
            };
            let found = position_before(&journal, &published, Duration::from_secs(600)).await.unwrap();
            assert_eq!(found, Position(expected), "from {position}, as of {as_of:?}");
        }
    }
}

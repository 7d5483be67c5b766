//! What a journal holds, read back through its feed.

use event_log::{Append, Appended, EventFeed};
use events::{Position, RecordedEvent};

const PAGE: usize = 500;

/// Every event, in pages.
pub async fn read_all(feed: &dyn EventFeed) -> Vec<RecordedEvent> {
    let mut all: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = all.last().map_or(Position::ZERO, |event| event.position);
        let page = feed.read(after, PAGE).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Positions are 1, 2, 3, … and every event is whole.
pub fn assert_dense(events: &[RecordedEvent]) {
    for (expected, event) in (1..).zip(events) {
        assert_eq!(event.position, Position(expected), "a hole, or a position given twice");
        assert!(event.is_intact(), "the checksum of {expected} does not fit");
    }
}

/// What was answered to an append is what is stored.
pub(super) fn assert_stored(events: &[RecordedEvent], append: &Append, appended: &Appended) {
    assert_eq!(appended.stream, append.stream);
    assert_eq!(appended.version.0, append.expected_version.0 + append.events.len() as u64);
    assert_eq!(appended.last.0 - appended.first.0 + 1, append.events.len() as u64);
    let first = usize::try_from(appended.first.0).unwrap() - 1;
    for (number, new) in append.events.iter().enumerate() {
        let stored = &events[first + number];
        let header = &stored.header;
        assert_eq!(stored.payload, new.payload);
        assert_eq!(header.event_id, new.event_id);
        assert_eq!(header.stream, append.stream);
        assert_eq!(header.version.0, append.expected_version.0 + 1 + number as u64);
        assert_eq!(header.event_type, new.event_type);
        assert_eq!(header.schema_version, new.schema_version);
        assert_eq!(header.occurred_at, new.occurred_at);
        assert_eq!(header.actor, append.actor);
        assert_eq!(header.causation, append.causation);
        assert_eq!(header.correlation, append.correlation);
        assert_eq!(header.command_id, append.command_id);
    }
}

//! Reads a journal back: every event is where it was said to be, once, and there is no other.

use std::collections::HashSet;

use anyhow::ensure;
use contracts::database::Database;
use event_log::{EventFeed, PostgresJournal};
use events::{EventId, Position};
use sqlx::Connection;

use super::writing::Written;

const PAGE: usize = 1000;

/// What `written` was told is so, and there is nothing else.
pub(super) async fn verify(journal: &PostgresJournal, database: &Database, written: &Written) -> anyhow::Result<()> {
    let stored = verify_own(journal, written).await?;
    let told: usize = written.accepted.iter().map(|(_, ids)| ids.len()).sum();
    ensure!(stored == told, "{told} events were acknowledged, {stored} are there");
    let mut connection = database.connect().await;
    let (keys, claims): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM idempotency_keys), (SELECT count(*) FROM claims)")
            .fetch_one(&mut connection)
            .await?;
    connection.close().await?;
    ensure!(keys.cast_unsigned() == written.accepted.len() as u64, "{keys} keys of {}", written.accepted.len());
    ensure!(claims.cast_unsigned() == written.claims, "{claims} names of {}", written.claims);
    Ok(())
}

/// What `written` was told is so; there may be more, by others. Gives how many events there are.
pub(super) async fn verify_own(journal: &PostgresJournal, written: &Written) -> anyhow::Result<usize> {
    let (feed, mut stored) = (journal.feed(), Vec::<EventId>::new());
    loop {
        // The feed itself refuses a gap, and bytes that do not fit their checksum.
        let page = feed.read(Position(stored.len() as u64), PAGE).await?;
        if page.is_empty() {
            break;
        }
        stored.extend(page.iter().map(|event| event.header.event_id));
    }
    let all: HashSet<EventId> = stored.iter().copied().collect();
    ensure!(all.len() == stored.len(), "an event is there twice");
    ensure!(!written.refused.iter().any(|id| all.contains(id)), "a refused event is there");
    for (first, ids) in &written.accepted {
        let from = usize::try_from(*first)? - 1;
        ensure!(stored.get(from..from + ids.len()) == Some(ids), "the command at {first} is not there, or not whole");
    }
    Ok(stored.len())
}

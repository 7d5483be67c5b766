//! From one journal's rows to the other's.

use anyhow::ensure;
use event_log::{EventFeed, JournalRecords, JournalStand, PostgresImport, SqliteJournal};
use events::Position;

/// Rows that are read and sent at once; of snapshots, which are larger, fewer.
const EVENTS: usize = 2_000;
const ROWS: usize = 5_000;
const SNAPSHOTS: usize = 500;

/// What rows are, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Events.
    Events,
    /// Names.
    Claims,
    /// Idempotency keys.
    Keys,
    /// Snapshots.
    Snapshots,
}

/// How many rows were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Names.
    pub(crate) claims: u64,
    /// Idempotency keys.
    pub(crate) keys: u64,
    /// Snapshots.
    pub(crate) snapshots: u64,
}

/// Sends all rows of a journal, and tells how far it is. Nothing of it is there before the import is committed.
///
/// # Errors
/// A row cannot be read or sent, or the journal is not dense.
pub(crate) async fn fill(
    journal: &SqliteJournal,
    stand: &JournalStand,
    import: &mut PostgresImport,
    mut watch: impl FnMut(Rows, u64),
) -> anyhow::Result<Copied> {
    let (feed, mut position) = (journal.feed(), Position::ZERO);
    while position < stand.head {
        let events = feed.read(position, EVENTS).await?;
        ensure!(!events.is_empty(), "the journal says it ends at {}, and nothing is after {position}", stand.head);
        import.events(&events).await?;
        position = events.last().map_or(position, |event| event.position);
        watch(Rows::Events, position.0);
    }
    ensure!(position == stand.head, "the journal says it ends at {}, and goes on to {position}", stand.head);
    let mut copied = Copied::default();
    let mut page = journal.claims(None, ROWS).await?;
    while let Some(last) = page.last() {
        import.claims(&page).await?;
        copied.claims += page.len() as u64;
        watch(Rows::Claims, copied.claims);
        page = journal.claims(Some(last), ROWS).await?;
    }
    let mut page = journal.keys(Position::ZERO, ROWS).await?;
    while let Some(last) = page.last() {
        import.keys(&page).await?;
        copied.keys += page.len() as u64;
        watch(Rows::Keys, copied.keys);
        page = journal.keys(last.first, ROWS).await?;
    }
    let mut page = journal.snapshots(None, SNAPSHOTS).await?;
    while let Some(last) = page.last() {
        import.snapshots(&page).await?;
        copied.snapshots += page.len() as u64;
        watch(Rows::Snapshots, copied.snapshots);
        page = journal.snapshots(Some(last), SNAPSHOTS).await?;
    }
    Ok(copied)
}

//! Publishes the rows above a position, what is referred to first.

use std::sync::Arc;

use events::Position;
use tokio::sync::Mutex;
use views::{PublishedRow, ViewError, ViewPublisher};

use super::measures::Measures;
use crate::lmdb::{ChangedFrom, ChangedRows, LmdbProjectionStore, view_error};

/// When a row has its turn, so that nobody is led to what is not there yet, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Pages, cards, nodes: others lead there.
    Referred,
    /// Lists, trees, slugs and ids; also what of these is gone.
    Refers,
    /// Pages, cards, nodes that are gone.
    Gone,
}

impl Turn {
    const ALL: [Self; 3] = [Self::Referred, Self::Refers, Self::Gone];

    fn of(key: &[u8], removed: bool) -> Self {
        match (key.first(), removed) {
            (Some(b'p' | b'c' | b'n'), false) => Self::Referred,
            (Some(b'p' | b'c' | b'n'), true) => Self::Gone,
            _ => Self::Refers,
        }
    }
}

/// Where rows come from.
pub(super) struct Source {
    pub(super) store: Arc<LmdbProjectionStore>,
    /// Held while the store is read.
    pub(super) reading: Arc<Mutex<()>>,
    pub(super) entries_max: usize,
}

impl Source {
    /// Reads on a thread that may wait for the disk.
    async fn read(&self, from: ChangedFrom, only: Option<Turn>) -> Result<ChangedRows, ViewError> {
        let (store, entries_max) = (self.store.clone(), self.entries_max);
        let reading = self.reading.clone().lock_owned().await;
        let read = tokio::task::spawn_blocking(move || {
            let wanted = |key: &[u8], removed| only.is_none_or(|only| Turn::of(key, removed) == only);
            let changed = store.changed_rows(&from, entries_max, wanted);
            // In this order: who waits for the end of reading wants the store to be let go.
            drop(store);
            drop(reading);
            changed
        });
        match read.await {
            Ok(changed) => changed.map_err(view_error),
            Err(error) => Err(ViewError::Unavailable { operation: "read what changed", reason: error.to_string() }),
        }
    }
}

/// Publishes every row whose version is above a position, as it is by now. Whether it was so little that it was read at
/// once, and so is what the store has.
pub(super) async fn publish_above(
    position: Position,
    source: &Source,
    publisher: &dyn ViewPublisher,
    measures: &Measures,
) -> Result<bool, ViewError> {
    let begin = ChangedFrom::above(position);
    let ChangedRows { rows, more } = source.read(begin.clone(), None).await?;
    if more.is_none() {
        // Nearly always: all of it at once, as it was at one moment.
        publish_in_turn(rows, publisher, measures).await?;
        return Ok(true);
    }
    // Read again for each turn: it would not fit into memory. A row that changes meanwhile is met again further on.
    for turn in Turn::ALL {
        let mut from = Some(begin.clone());
        while let Some(begin) = from {
            let ChangedRows { rows, more } = source.read(begin, Some(turn)).await?;
            let count = rows.len();
            publisher.publish_rows(rows).await?;
            measures.published(count);
            from = more;
        }
    }
    Ok(false)
}

/// Publishes once more some of what was published, and says where to go on.
pub(super) async fn publish_again(
    from: ChangedFrom,
    source: &Source,
    publisher: &dyn ViewPublisher,
    measures: &Measures,
) -> Result<Option<ChangedFrom>, ViewError> {
    let ChangedRows { rows, more } = source.read(from, None).await?;
    publish_in_turn(rows, publisher, measures).await?;
    Ok(more)
}

async fn publish_in_turn(
    mut rows: Vec<PublishedRow>,
    publisher: &dyn ViewPublisher,
    measures: &Measures,
) -> Result<(), ViewError> {
    rows.sort_by_key(turn_of);
    let mut turns: Vec<Vec<PublishedRow>> = Vec::new();
    for row in rows {
        match turns.last_mut() {
            Some(turn) if turn.last().is_some_and(|last| turn_of(last) == turn_of(&row)) => turn.push(row),
            _ => turns.push(vec![row]),
        }
    }
    for turn in turns {
        let rows = turn.len();
        publisher.publish_rows(turn).await?;
        measures.published(rows);
    }
    Ok(())
}

fn turn_of(row: &PublishedRow) -> Turn {
    Turn::of(&row.key, row.body.is_none())
}

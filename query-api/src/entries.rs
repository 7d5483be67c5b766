//! Reads a stretch of a ranked list while it may be changing.
//!
//! A list is torn if its blocks are of different times: an entry that moved between them would be missed or given
//! twice. It is whole if the chain of blocks closes and no block is newer than what was published before the first of
//! them was read, for then all of them are right as of that moment. Else it is read again, and if that goes on, the
//! answer says so.

use std::collections::BTreeSet;

use events::Position;
use views::{Block, BlockEnd, EntryKey, ListId, Ordinal, Partition, ViewError, ViewReader, follow_chain};

use crate::options::QueryOptions;

/// Blocks that are read beyond what a page of average blocks needs: the one the cursor lies in, and one that shows
/// whether the last one lingers.
const SPARE_BLOCKS: usize = 2;

/// A block holds about twice as many entries; boundaries fall at random, so some are short.
const ENTRIES_PER_BLOCK_GUESS: usize = 64;

/// A stretch of a list.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The businesses, in order.
    pub(crate) businesses: Vec<Ordinal>,
    /// The entry after which the list goes on, if it does.
    pub(crate) next: Option<EntryKey>,
    /// The blocks were of different times to the last: entries may be missing.
    pub(crate) torn: bool,
}

/// Reads at most `limit` entries after one.
pub(crate) async fn read_entries(
    views: &dyn ViewReader,
    options: &QueryOptions,
    list: ListId,
    after: Option<&EntryKey>,
    limit: usize,
) -> Result<Entries, ViewError> {
    let mut attempt = 1;
    loop {
        let published = views.status().published;
        let stretch = read_once(views, options, list, after, limit).await?;
        let whole = stretch.closed && stretch.newest <= published;
        if whole || attempt == options.list_attempts_max {
            return stretch.finish(list, limit, !whole);
        }
        attempt += 1;
        if stretch.newest > published {
            // What was seen is published in a moment. If it is not, reading again will tell.
            let settled = views.wait_published(stretch.newest);
            if let Ok(result) = tokio::time::timeout(options.list_settle_wait_max, settled).await {
                result?;
            }
        }
    }
}

/// What one attempt found.
struct Stretch {
    entries: Vec<EntryKey>,
    /// Where the list goes on when no more was read.
    rest_after: Option<EntryKey>,
    /// The newest version among the blocks.
    newest: Position,
    /// The chain of blocks has no gap.
    closed: bool,
}

async fn read_once(
    views: &dyn ViewReader,
    options: &QueryOptions,
    list: ListId,
    after: Option<&EntryKey>,
    limit: usize,
) -> Result<Stretch, ViewError> {
    let block_count = limit / ENTRIES_PER_BLOCK_GUESS + 1 + SPARE_BLOCKS;
    let mut stretch =
        Stretch { entries: Vec::with_capacity(limit + 1), rest_after: None, newest: Position::ZERO, closed: true };
    let mut reached = after.cloned();
    for range in 0..options.list_ranges_max {
        let from = reached.as_ref().map_or_else(Vec::new, right_after);
        let rows = views.range(Partition::List(list), &from, block_count).await?;
        let mut blocks = Vec::with_capacity(rows.len());
        for (end, row) in rows {
            let end = BlockEnd::from_bytes(&end).map_err(|e| corrupt(&e))?;
            let block = Block::from_body(&row.body).map_err(|e| corrupt(&e))?;
            stretch.newest = stretch.newest.max(row.version);
            blocks.push((end, row.version, block));
        }
        if blocks.is_empty() {
            // A list that has entries has a tail; only an empty one has no rows.
            stretch.closed = range == 0;
            stretch.rest_after = reached.filter(|_| range > 0);
            return Ok(stretch);
        }
        let chain = match follow_chain(blocks, reached.as_ref()) {
            // The cursor may lie inside a block, but what was read before ended with one.
            Ok(chain) if range == 0 || chain[0].1.previous == reached => chain,
            _ => {
                stretch.closed = false;
                stretch.rest_after = reached;
                return Ok(stretch);
            }
        };
        for (end, block) in chain {
            let given = |entry: &EntryKey| after.is_some_and(|after| entry <= after);
            stretch.entries.extend(block.entries.into_iter().filter(|entry| !given(entry)));
            if stretch.entries.len() > limit {
                return Ok(stretch);
            }
            match end {
                BlockEnd::Tail => return Ok(stretch),
                BlockEnd::Entry(key) => reached = Some(key),
            }
        }
    }
    // The blocks were so short that the page is not full. The next page goes on from here.
    stretch.rest_after = reached;
    Ok(stretch)
}

impl Stretch {
    fn finish(mut self, list: ListId, limit: usize, torn: bool) -> Result<Entries, ViewError> {
        if self.entries.is_empty() && !self.closed {
            let reason = "the list changed whenever it was read".to_owned();
            return Err(ViewError::Unavailable { operation: "read a list", reason });
        }
        let mut next = self.rest_after;
        if self.entries.len() > limit {
            self.entries.truncate(limit);
            next = self.entries.last().cloned();
        }
        let mut businesses = Vec::with_capacity(self.entries.len());
        let mut given = BTreeSet::new();
        for entry in &self.entries {
            let business = entry.ordinal(list.sort).ok_or_else(|| corrupt(&"an entry is not of its list's order"))?;
            // Only a torn list has a business twice.
            if !torn || given.insert(business) {
                businesses.push(business);
            }
        }
        Ok(Entries { businesses, next, torn })
    }
}

/// The clustering part that comes right after the block that ends with this entry.
fn right_after(entry: &EntryKey) -> Vec<u8> {
    let mut from = BlockEnd::seek(entry);
    from.push(0);
    from
}

fn corrupt(reason: &dyn std::fmt::Display) -> ViewError {
    ViewError::Corrupt { operation: "read a list", reason: reason.to_string() }
}

//! Blocks of ranked lists: content-defined, chained.
//!
//! An entry whose XXH3-64 is 0 mod 128 ends a block, so that the same list has the same blocks whatever its history.
//! Each block names the end of the one before it: a reader that sees blocks of different times notices.

use events::Position;
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::block_codec::{BlockError, BlockReader, BlockWriter};
use crate::list::EntryKey;

/// One entry in this many ends a block.
const ENTRIES_PER_BLOCK: u64 = 128;

/// Whether an entry ends its block.
pub fn is_boundary(key: &EntryKey) -> bool {
    xxh3_64(key.as_bytes()).is_multiple_of(ENTRIES_PER_BLOCK)
}

/// Where a block ends; blocks are ordered and named by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockEnd {
    /// At this entry, which is in the block.
    Entry(EntryKey),
    /// At the end of the list.
    Tail,
}

impl BlockEnd {
    /// As clustering part of a key.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Entry(key) => Self::seek(key),
            Self::Tail => vec![1],
        }
    }

    /// From the clustering part of a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlockError> {
        match bytes.split_first() {
            Some((0, key)) => Ok(Self::Entry(EntryKey::from_bytes(key))),
            Some((1, [])) => Ok(Self::Tail),
            _ => Err(BlockError),
        }
    }

    /// Where to begin reading for the block that holds this entry, or would.
    pub fn seek(key: &EntryKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(key.as_bytes().len() + 1);
        bytes.push(0);
        bytes.extend(key.as_bytes());
        bytes
    }
}

/// Body of [`crate::RowKey::Block`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Where the block before ends; absent for the first.
    pub previous: Option<EntryKey>,
    /// The entries, in order.
    pub entries: Vec<EntryKey>,
}

impl Block {
    /// As a row's body.
    pub fn to_body(&self) -> Vec<u8> {
        let mut writer = BlockWriter::new(self.previous.as_ref().map_or(&[], EntryKey::as_bytes));
        for entry in &self.entries {
            writer.push(entry.as_bytes());
        }
        writer.cut()
    }

    /// From a row's body.
    pub fn from_body(body: &[u8]) -> Result<Self, BlockError> {
        let mut reader = BlockReader::new(body)?;
        let mut entries = Vec::with_capacity(reader.remaining_max());
        while reader.advance()? {
            entries.push(EntryKey::from_bytes(reader.entry()));
        }
        let previous = reader.previous();
        Ok(Self { previous: (!previous.is_empty()).then(|| EntryKey::from_bytes(previous)), entries })
    }
}

/// The blocks read do not form one chain: they are of different times. Read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the blocks of the list do not form one chain")]
pub struct TornList;

/// Follows the chain through blocks as they were read, in order of their ends, and gives the ones that are in it.
///
/// `after` is the cursor: the first block must cover what comes right after it. Of two blocks that name the same
/// predecessor the one with the higher version holds; a block out of the chain is skipped. An error means that the
/// blocks are of different times.
pub fn follow_chain(
    blocks: Vec<(BlockEnd, Position, Block)>,
    after: Option<&EntryKey>,
) -> Result<Vec<(BlockEnd, Block)>, TornList> {
    let mut chain: Vec<(BlockEnd, Position, Block)> = Vec::with_capacity(blocks.len());
    for (end, version, block) in blocks {
        match chain.last() {
            // The first: everything between the cursor and the block's end must be in it.
            None => {
                let covers = match (&block.previous, after) {
                    (None, _) => true,
                    (Some(previous), Some(after)) => previous <= after,
                    (Some(_), None) => false,
                };
                if covers {
                    chain.push((end, version, block));
                }
            }
            Some((last_end, _, _)) if is_end(last_end, block.previous.as_ref()) => chain.push((end, version, block)),
            // Same predecessor as the last one: one of the two is of an older time.
            Some((_, last_version, last)) if last.previous == block.previous => {
                if version > *last_version {
                    chain.pop();
                    chain.push((end, version, block));
                }
            }
            Some(_) => {}
        }
    }
    // Whatever was read, the chain must have begun, and must not stop before blocks that lie further on.
    if chain.is_empty() { Err(TornList) } else { Ok(chain.into_iter().map(|(end, _, block)| (end, block)).collect()) }
}

fn is_end(end: &BlockEnd, previous: Option<&EntryKey>) -> bool {
    matches!((end, previous), (BlockEnd::Entry(key), Some(previous)) if key == previous)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::key::Ordinal;

    fn key(score: u16) -> EntryKey {
        EntryKey::best(u16::MAX - score, Ordinal(1))
    }

    fn block(previous: Option<u16>, entries: &[u16]) -> Block {
        Block { previous: previous.map(key), entries: entries.iter().copied().map(key).collect() }
    }

    fn end(score: u16) -> BlockEnd {
        BlockEnd::Entry(key(score))
    }

    #[test]
    fn a_block_survives_its_bytes_and_no_other_bytes_are_a_block() {
        let full = Block {
            previous: Some(EntryKey::name("aa", Ordinal(1))),
            entries: (0..300).map(|i| EntryKey::name("aaron's", Ordinal(i * i + 1))).collect(),
        };
        let body = full.to_body();
        assert_eq!(Block::from_body(&body).unwrap(), full);
        assert_eq!(Block::from_body(&Block::default().to_body()).unwrap(), Block::default());
        for cut in 0..body.len() {
            assert!(Block::from_body(&body[..cut]).is_err());
        }
        assert!(Block::from_body(&[0, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        for end in [end(1), BlockEnd::Tail] {
            assert_eq!(BlockEnd::from_bytes(&end.to_bytes()).unwrap(), end);
        }
        assert!(BlockEnd::Tail.to_bytes() > end(u16::MAX).to_bytes());
    }

    #[test]
    fn blocks_of_one_time_form_a_chain() {
        let blocks = vec![
            (end(2), Position(5), block(None, &[1, 2])),
            (end(4), Position(9), block(Some(2), &[3, 4])),
            (BlockEnd::Tail, Position(1), block(Some(4), &[5])),
        ];
        assert_eq!(follow_chain(blocks.clone(), None).unwrap().len(), 3);
        assert_eq!(follow_chain(blocks[1..].to_vec(), Some(&key(2))).unwrap().len(), 2);
        assert_eq!(follow_chain(blocks[1..].to_vec(), Some(&key(3))).unwrap().len(), 2);
        assert_eq!(follow_chain(blocks[1..].to_vec(), Some(&key(1))), Err(TornList), "2 would be missed");
        assert_eq!(follow_chain(blocks[1..].to_vec(), None), Err(TornList), "the beginning would be missed");
    }

    #[test]
    fn a_merged_block_that_lingers_is_skipped() {
        // [1,2] and [3,4] became [1,3,4] when 2 went at position 20; the old row of [1,2] is still there.
        let blocks = vec![
            (end(2), Position(5), block(None, &[1, 2])),
            (end(4), Position(20), block(None, &[1, 3, 4])),
            (BlockEnd::Tail, Position(1), block(Some(4), &[5])),
        ];
        let chain = follow_chain(blocks, None).unwrap();
        assert_eq!(chain.iter().map(|(_, b)| b.entries.len()).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_split_seen_half_is_resolved_by_version() {
        // [1,2,4] was split at 2 at position 20: the left half was seen, the right one is still old.
        let blocks = vec![
            (end(2), Position(20), block(None, &[1, 2])),
            (end(4), Position(5), block(None, &[1, 2, 4])),
            (BlockEnd::Tail, Position(1), block(Some(4), &[5])),
        ];
        let chain = follow_chain(blocks, None).unwrap();
        assert_eq!(chain.len(), 1, "the chain stops where the times part, and the reader asks again from there");
    }
}

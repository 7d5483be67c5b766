//! Bytes of a block, entry by entry.
//!
//! A block is the end of the one before it, the number of entries, and the entries front-coded: each as (bytes shared
//! with the one before, length of the rest, rest). A fold edits millions of them, so neither side allocates per entry.

use thiserror::Error;

/// Bytes that are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are not a block of a list")]
pub struct BlockError;

/// Writes the body of a block.
#[derive(Debug)]
pub struct BlockWriter {
    previous: Vec<u8>,
    entries: Vec<u8>,
    last: Vec<u8>,
    count: usize,
}

impl BlockWriter {
    /// A block that follows the one that ends at this entry; empty for the first block of a list.
    pub fn new(previous: &[u8]) -> Self {
        Self { previous: previous.to_vec(), entries: Vec::new(), last: previous.to_vec(), count: 0 }
    }

    /// Adds an entry; it must order after the one before.
    pub fn push(&mut self, entry: &[u8]) {
        let shared = entry.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        push_varint(&mut self.entries, shared);
        push_varint(&mut self.entries, entry.len() - shared);
        self.entries.extend(&entry[shared..]);
        self.last.truncate(shared);
        self.last.extend(&entry[shared..]);
        self.count += 1;
    }

    /// How many entries there are so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Where the block before ends; empty for the first block of a list.
    pub fn previous(&self) -> &[u8] {
        &self.previous
    }

    /// The body; the writer goes on with an empty block that follows the last entry.
    pub fn cut(&mut self) -> Vec<u8> {
        let mut body = Vec::with_capacity(6 + self.previous.len() + self.entries.len());
        push_varint(&mut body, self.previous.len());
        body.extend(&self.previous);
        push_varint(&mut body, self.count);
        body.append(&mut self.entries);
        self.previous.clone_from(&self.last);
        self.count = 0;
        body
    }
}

/// Reads the body of a block.
#[derive(Debug)]
pub struct BlockReader<'a> {
    previous: &'a [u8],
    rest: &'a [u8],
    last: Vec<u8>,
    remaining: usize,
}

impl<'a> BlockReader<'a> {
    /// Begins to read.
    pub fn new(body: &'a [u8]) -> Result<Self, BlockError> {
        let mut rest = body;
        let previous = take_bytes(&mut rest)?;
        let remaining = take_varint(&mut rest)?;
        Ok(Self { previous, rest, last: previous.to_vec(), remaining })
    }

    /// Where the block before ends; empty for the first block of a list.
    pub fn previous(&self) -> &'a [u8] {
        self.previous
    }

    /// An upper bound of the entries still to come. An entry takes at least two bytes; a count beyond that is a lie.
    pub fn remaining_max(&self) -> usize {
        self.remaining.min(self.rest.len() / 2)
    }

    /// Goes to the next entry, which [`Self::entry`] then gives; `false` at the end.
    pub fn advance(&mut self) -> Result<bool, BlockError> {
        if self.remaining == 0 {
            return if self.rest.is_empty() { Ok(false) } else { Err(BlockError) };
        }
        let shared = take_varint(&mut self.rest)?;
        let tail = take_bytes(&mut self.rest)?;
        if shared > self.last.len() {
            return Err(BlockError);
        }
        self.last.truncate(shared);
        self.last.extend(tail);
        self.remaining -= 1;
        Ok(true)
    }

    /// The entry that was last read.
    pub fn entry(&self) -> &[u8] {
        &self.last
    }
}

fn push_varint(bytes: &mut Vec<u8>, value: usize) {
    let mut value = value as u64;
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Result<usize, BlockError> {
    let mut value = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(BlockError)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).map_err(|_| BlockError);
        }
    }
    Err(BlockError)
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], BlockError> {
    let len = take_varint(bytes)?;
    if len > bytes.len() {
        return Err(BlockError);
    }
    let (head, rest) = bytes.split_at(len);
    *bytes = rest;
    Ok(head)
}

//! Edits the blocks of one list.
//!
//! Going live and rebuilding are the same thing: a list that is not there is an empty last block, and a whole list is
//! cut out of its sorted entries.
//!
//! A block's version is the highest position of all changes ever made between the end of the block before it and its
//! own end, both included. That is a matter of the log and not of how it was batched: whoever splits or merges a block
//! changes an entry at an end of it.

use std::iter::Peekable;

use events::Position;
use views::{BlockEnd, BlockReader, BlockWriter, EntryKey, ListId, Partition, Row, RowKey};

use super::render::{Output, corrupt};
use crate::port::{StoreError, StoreReader};

/// A change of one entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edit<'a> {
    pub(super) key: &'a [u8],
    /// Another key has another number: cheaper to compare.
    pub(super) key_number: u32,
    /// Whether it is there afterwards.
    pub(super) inserts: bool,
    /// Whether such an entry ends its block.
    pub(super) boundary: bool,
    pub(super) at: Position,
}

/// Writes the blocks that change. Edits come by key, then by time.
pub(super) fn edit_list<'a>(
    list: ListId,
    edits: impl Iterator<Item = Edit<'a>>,
    store: &dyn StoreReader,
    output: &mut Output,
) -> Result<(), StoreError> {
    let mut edits = Edits { inner: edits.peekable() };
    while let Some(first) = edits.peek() {
        let from = BlockEnd::seek(&EntryKey::from_bytes(first.key));
        let found = OldBlock::find(list, &from, store)?;
        Region::begin(list, found.as_ref(), output)?.edit(found, &mut edits, store)?;
    }
    Ok(())
}

/// Edits, of which the last one of each key counts.
struct Edits<I: Iterator> {
    inner: Peekable<I>,
}

impl<'a, I: Iterator<Item = Edit<'a>>> Edits<I> {
    fn peek(&mut self) -> Option<Edit<'a>> {
        self.inner.peek().copied()
    }

    /// The next key's last edit. Positions do not fall with time, so it carries the highest one too.
    fn next(&mut self) -> Option<Edit<'a>> {
        let mut edit = self.inner.next()?;
        while let Some(later) = self.inner.next_if(|later| later.key_number == edit.key_number) {
            edit = later;
        }
        Some(edit)
    }
}

/// A block as it is stored.
struct OldBlock {
    /// The entry at its end; absent for the last block.
    end: Option<Vec<u8>>,
    row: Row,
}

impl OldBlock {
    fn find(list: ListId, from: &[u8], store: &dyn StoreReader) -> Result<Option<Self>, StoreError> {
        let Some((clustering, row)) = store.row_at_or_after(Partition::List(list), from)? else { return Ok(None) };
        let end = match BlockEnd::from_bytes(&clustering).map_err(corrupt)? {
            BlockEnd::Entry(key) => Some(key.as_bytes().to_vec()),
            BlockEnd::Tail => None,
        };
        Ok(Some(Self { end, row }))
    }

    fn covers(&self, key: &[u8]) -> bool {
        self.end.as_deref().is_none_or(|end| key <= end)
    }

    fn is_end(&self, key: &[u8]) -> bool {
        self.end.as_deref() == Some(key)
    }
}

/// A run of blocks that are written anew.
struct Region<'o> {
    list: ListId,
    writer: BlockWriter,
    /// The highest position of an edit in the block that is being written, or at the end of the one before.
    version: Option<Position>,
    output: &'o mut Output,
}

impl<'o> Region<'o> {
    fn begin(list: ListId, first: Option<&OldBlock>, output: &'o mut Output) -> Result<Self, StoreError> {
        let previous = match first {
            Some(block) => BlockReader::new(&block.row.body).map_err(corrupt)?.previous().to_vec(),
            None => Vec::new(),
        };
        Ok(Self { list, writer: BlockWriter::new(&previous), version: None, output })
    }

    /// Goes on from block to block for as long as the entry between two of them changed.
    fn edit<'a>(
        mut self,
        first: Option<OldBlock>,
        edits: &mut Edits<impl Iterator<Item = Edit<'a>>>,
        store: &dyn StoreReader,
    ) -> Result<(), StoreError> {
        let Some(mut block) = first else {
            while let Some(edit) = edits.next() {
                self.take(edit, false);
            }
            self.finish_list(false);
            return Ok(());
        };
        loop {
            let end_changed = self.edit_block(&block, edits)?;
            let Some(end) = &block.end else {
                self.finish_list(true);
                return Ok(());
            };
            if !end_changed {
                return Ok(());
            }
            let mut from = BlockEnd::seek(&EntryKey::from_bytes(end));
            from.push(0);
            block = OldBlock::find(self.list, &from, store)?.ok_or_else(|| corrupt("a list has no last block"))?;
        }
    }

    /// Merges the edits into one block; says whether the entry at its end was among them.
    fn edit_block<'a>(
        &mut self,
        block: &OldBlock,
        edits: &mut Edits<impl Iterator<Item = Edit<'a>>>,
    ) -> Result<bool, StoreError> {
        let mut old = BlockReader::new(&block.row.body).map_err(corrupt)?;
        let mut more = old.advance().map_err(corrupt)?;
        let mut end_changed = false;
        loop {
            match edits.peek().filter(|edit| block.covers(edit.key)) {
                Some(edit) if !more || edit.key <= old.entry() => {
                    if more && edit.key == old.entry() {
                        more = old.advance().map_err(corrupt)?;
                    }
                    let Some(edit) = edits.next() else { break };
                    self.take(edit, block.is_end(edit.key));
                    end_changed |= block.is_end(edit.key);
                }
                _ if more => {
                    self.writer.push(old.entry());
                    if block.is_end(old.entry()) {
                        self.cut(old.entry(), None);
                    }
                    more = old.advance().map_err(corrupt)?;
                }
                _ => break,
            }
        }
        Ok(end_changed)
    }

    /// `was_end`: a block that is stored ends at its key.
    fn take(&mut self, edit: Edit<'_>, was_end: bool) {
        self.version = self.version.max(Some(edit.at));
        if edit.inserts {
            self.writer.push(edit.key);
            if edit.boundary {
                self.cut(edit.key, Some(edit.at));
            }
        } else if edit.boundary {
            self.remove(BlockEnd::Entry(EntryKey::from_bytes(edit.key)), was_end);
        }
    }

    /// Ends a block at this entry; the next one begins with what changed at its own beginning.
    fn cut(&mut self, end: &[u8], next: Option<Position>) {
        self.write(BlockEnd::Entry(EntryKey::from_bytes(end)));
        self.version = next;
    }

    fn finish_list(mut self, stored: bool) {
        if self.writer.count() > 0 || !self.writer.previous().is_empty() {
            self.write(BlockEnd::Tail);
        } else {
            self.remove(BlockEnd::Tail, stored);
        }
    }

    fn write(&mut self, end: BlockEnd) {
        let body = self.writer.cut();
        if let Some(version) = self.version {
            self.output.row(&RowKey::Block(self.list, end), version, body);
        }
    }

    /// A block that is stored, or that came and went.
    fn remove(&mut self, end: BlockEnd, stored: bool) {
        let key = RowKey::Block(self.list, end).to_bytes();
        if stored {
            self.output.push(key, None);
        } else {
            self.output.passed(key);
        }
    }
}

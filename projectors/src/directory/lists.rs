//! Changes of ranked lists, collected until they are written.
//!
//! A registration enters about two dozen lists, so a change is four bytes here: an entry is kept once for all lists of
//! its order, and entries are put in order once, not in each list anew.

use events::Position;
use rustc_hash::FxHashMap;
use views::{EntryKey, ListId, Sort, is_boundary};

use super::blocks::{self, Edit};
use super::filing::{Filing, Shelf};
use super::render::Output;
use crate::port::{StoreError, StoreReader};

/// What a list takes in memory besides its changes, roughly.
const BYTES_PER_SHELF: usize = 160;

/// Changes of lists, in the order of events.
#[derive(Debug, Default)]
pub(super) struct Lists {
    entries: Vec<EntryChange>,
    /// The bytes of all keys, one after the other.
    keys: Vec<u8>,
    index: FxHashMap<Shelf, u32>,
    shelves: Vec<ShelfChanges>,
    changes: usize,
}

/// An entry appeared in lists or went from lists, at a position.
#[derive(Debug)]
struct EntryChange {
    key_start: usize,
    key_len: u16,
    inserts: bool,
    boundary: bool,
    at: Position,
}

/// Which of the entries changed in the lists of a category and a location, by sort.
#[derive(Debug)]
struct ShelfChanges {
    shelf: Shelf,
    by_sort: [Vec<u32>; Sort::ALL.len()],
}

impl Lists {
    /// Takes a business from where it was filed to where it belongs now.
    pub(super) fn refile(&mut self, before: Option<&Filing>, after: Option<&Filing>, at: Position) {
        // What goes is noted first: where a key stays the same after all, the insertion is the later change.
        self.change(before, after, false, at);
        self.change(after, before, true, at);
    }

    fn change(&mut self, here: Option<&Filing>, other: Option<&Filing>, inserts: bool, at: Position) {
        let Some(here) = here else { return };
        let stays = Sort::ALL.map(|sort| other.is_some_and(|other| here.stays(other, sort)));
        let mut entries = [None; Sort::ALL.len()];
        for shelf in here.shelves() {
            let shared = other.is_some_and(|other| other.is_on(shelf));
            let mut index = None;
            for sort in shelf.sorts() {
                let sort = *sort as usize;
                if shared && stays[sort] {
                    continue;
                }
                let entry = *entries[sort].get_or_insert_with(|| self.entry(&here.key(Sort::ALL[sort]), inserts, at));
                let index = *index.get_or_insert_with(|| self.shelf(shelf));
                self.shelves[index].by_sort[sort].push(entry);
                self.changes += 1;
            }
        }
    }

    fn entry(&mut self, key: &EntryKey, inserts: bool, at: Position) -> u32 {
        let index = u32::try_from(self.entries.len()).expect("memory does not hold four billion entries");
        let bytes = key.as_bytes();
        let key_len = u16::try_from(bytes.len()).expect("a key has at most 42 bytes");
        self.entries.push(EntryChange { key_start: self.keys.len(), key_len, inserts, boundary: is_boundary(key), at });
        self.keys.extend(bytes);
        index
    }

    fn shelf(&mut self, shelf: Shelf) -> usize {
        let next = u32::try_from(self.shelves.len()).expect("memory does not hold four billion lists");
        let index = *self.index.entry(shelf).or_insert(next);
        if index == next {
            self.shelves.push(ShelfChanges { shelf, by_sort: Default::default() });
        }
        index as usize
    }

    fn key(&self, entry: &EntryChange) -> &[u8] {
        &self.keys[entry.key_start..entry.key_start + usize::from(entry.key_len)]
    }

    pub(super) fn render(&self, store: &dyn StoreReader, output: &mut Output) -> Result<(), StoreError> {
        let order = self.order();
        let mut ranks = vec![0_u32; order.len()];
        for (rank, entry) in (0_u32..).zip(&order) {
            ranks[*entry as usize] = rank;
        }
        let mut shelves: Vec<&ShelfChanges> = self.shelves.iter().collect();
        shelves.sort_unstable_by_key(|changes| (changes.shelf.category(), changes.shelf.location()));
        let mut sorted = Vec::new();
        for ShelfChanges { shelf, by_sort } in shelves {
            for (sort, changes) in Sort::ALL.into_iter().zip(by_sort).filter(|(_, changes)| !changes.is_empty()) {
                sorted.clear();
                sorted.extend(changes.iter().map(|entry| ranks[*entry as usize]));
                sorted.sort_unstable();
                let list = ListId { category: shelf.category(), location: shelf.location(), sort };
                let edits = sorted.iter().map(|rank| self.edit(order[*rank as usize]));
                blocks::edit_list(list, edits, store, output)?;
            }
        }
        Ok(())
    }

    fn edit(&self, entry: u32) -> Edit<'_> {
        let entry = &self.entries[entry as usize];
        Edit { key: self.key(entry), inserts: entry.inserts, boundary: entry.boundary, at: entry.at }
    }

    /// All entries by key, then by time. Orders are mixed here; a list takes out its own.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<(u64, u32)> =
            (0..).zip(&self.entries).map(|(index, entry)| (head(self.key(entry)), index)).collect();
        order.sort_unstable_by(|(a_head, a), (b_head, b)| {
            let key = |index: &u32| self.key(&self.entries[*index as usize]);
            a_head.cmp(b_head).then_with(|| key(a).cmp(key(b))).then(a.cmp(b))
        });
        order.into_iter().map(|(_, index)| index).collect()
    }

    /// What was rendered is in the store now.
    pub(super) fn settle(&mut self) {
        *self = Self::default();
    }

    pub(super) fn pending_bytes(&self) -> usize {
        // Order, ranks and sorting take 24 bytes more per entry while rendering.
        self.keys.len()
            + self.entries.len() * (size_of::<EntryChange>() + 24)
            + self.shelves.len() * BYTES_PER_SHELF
            + self.changes * size_of::<u32>()
    }
}

/// The first bytes of a key as a number that orders like them.
fn head(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    let len = key.len().min(head.len());
    head[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(head)
}

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

    pub(super) fn render(&self, store: &dyn StoreReader, output: &mut Output) -> Result<(), StoreError> {
        let sorted = SortedEntries::of(self);
        let mut shelves: Vec<&ShelfChanges> = self.shelves.iter().collect();
        shelves.sort_unstable_by_key(|changes| (changes.shelf.category(), changes.shelf.location()));
        let mut ranks = Vec::new();
        for ShelfChanges { shelf, by_sort } in shelves {
            for (sort, changes) in Sort::ALL.into_iter().zip(by_sort).filter(|(_, changes)| !changes.is_empty()) {
                ranks.clear();
                ranks.extend(changes.iter().map(|entry| sorted.ranks[*entry as usize]));
                ranks.sort_unstable();
                let list = ListId { category: shelf.category(), location: shelf.location(), sort };
                blocks::edit_list(list, ranks.iter().map(|rank| sorted.edit(*rank)), store, output)?;
            }
        }
        Ok(())
    }

    /// What was rendered is in the store now.
    pub(super) fn settle(&mut self) {
        *self = Self::default();
    }

    pub(super) fn pending_bytes(&self) -> usize {
        // Rendering keeps a second, sorted copy, and ranks.
        2 * self.keys.len()
            + self.entries.len() * (2 * size_of::<EntryChange>() + 24)
            + self.shelves.len() * BYTES_PER_SHELF
            + self.changes * size_of::<u32>()
    }
}

/// All entries by key, then by time, laid out in that order: a list is written from front to back. The orders of lists
/// are mixed here; each list takes out its own.
struct SortedEntries {
    entries: Vec<EntryChange>,
    keys: Vec<u8>,
    /// By rank: the same number is the same key.
    key_numbers: Vec<u32>,
    /// By entry.
    ranks: Vec<u32>,
}

impl SortedEntries {
    fn of(lists: &Lists) -> Self {
        let key_of = |index: u32| lists.entries[index as usize].key_in(&lists.keys);
        let mut order: Vec<(u64, u32)> =
            (0..).zip(&lists.entries).map(|(index, entry)| (head(entry.key_in(&lists.keys)), index)).collect();
        order.sort_unstable_by(|(a_head, a), (b_head, b)| {
            a_head.cmp(b_head).then_with(|| key_of(*a).cmp(key_of(*b))).then(a.cmp(b))
        });

        let mut sorted = Self {
            entries: Vec::with_capacity(order.len()),
            keys: Vec::with_capacity(lists.keys.len()),
            key_numbers: Vec::with_capacity(order.len()),
            ranks: vec![0; order.len()],
        };
        let (mut last, mut number) = (&[][..], 0);
        for (rank, (_, index)) in (0..).zip(order) {
            let entry = &lists.entries[index as usize];
            let key = entry.key_in(&lists.keys);
            number += u32::from(key != last);
            last = key;
            sorted.entries.push(EntryChange { key_start: sorted.keys.len(), ..*entry });
            sorted.keys.extend(key);
            sorted.key_numbers.push(number);
            sorted.ranks[index as usize] = rank;
        }
        sorted
    }

    fn edit(&self, rank: u32) -> Edit<'_> {
        let entry = &self.entries[rank as usize];
        Edit {
            key: entry.key_in(&self.keys),
            key_number: self.key_numbers[rank as usize],
            inserts: entry.inserts,
            boundary: entry.boundary,
            at: entry.at,
        }
    }
}

impl EntryChange {
    fn key_in<'k>(&self, keys: &'k [u8]) -> &'k [u8] {
        &keys[self.key_start..self.key_start + usize::from(self.key_len)]
    }
}

/// The first bytes of a key as a number that orders like them.
fn head(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    let len = key.len().min(head.len());
    head[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(head)
}

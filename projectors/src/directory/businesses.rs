//! Businesses that changed, and what leads to them, over those in the store.

use events::{BusinessId, Position};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use views::{Ordinal, ReferenceRow, Row, RowKey, TemplateWriter};

use super::business::Business;
use super::documents;
use super::render::{Output, corrupt};
use crate::port::{StoreError, StoreReader};

/// What is remembered under the id of a business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Record {
    Present(Box<Business>),
    /// It was taken out; its id and slugs stay taken.
    Removed(Ordinal),
}

#[derive(Debug)]
struct Pending {
    id: BusinessId,
    record: Record,
    stored: bool,
    changed: bool,
    page_at: Option<Position>,
    card_at: Option<Position>,
}

#[derive(Debug)]
struct PendingReference {
    /// The bytes of its row's key.
    key: Vec<u8>,
    at: Position,
    row: ReferenceRow,
}

/// The businesses that events of this batch were about.
#[derive(Debug, Default)]
pub(super) struct Businesses {
    index: FxHashMap<Uuid, u32>,
    pending: Vec<Pending>,
    /// In the order of events: of two about the same text the later one holds.
    references: Vec<PendingReference>,
    bytes: usize,
}

impl Businesses {
    /// What is known under an id.
    pub(super) fn find(&mut self, store: &dyn StoreReader, id: BusinessId) -> Result<Option<&Record>, StoreError> {
        if let Some(index) = self.index.get(&id.0) {
            return Ok(Some(&self.pending[*index as usize].record));
        }
        let Some(bytes) = store.state(&state_key(id))? else { return Ok(None) };
        let record: Record = postcard::from_bytes(&bytes).map_err(corrupt)?;
        Ok(Some(&self.add(id, record, true).record))
    }

    fn add(&mut self, id: BusinessId, record: Record, stored: bool) -> &mut Pending {
        self.bytes += match &record {
            Record::Present(business) => business.bytes(),
            Record::Removed(_) => size_of::<Pending>(),
        };
        let next = u32::try_from(self.pending.len()).expect("memory does not hold four billion businesses");
        self.index.insert(id.0, next);
        self.pending.push(Pending { id, record, stored, changed: false, page_at: None, card_at: None });
        self.pending.last_mut().expect("it was just pushed")
    }

    /// A new business, or a new state of one that was found before.
    pub(super) fn put(&mut self, id: BusinessId, business: Business, card_changed: bool, at: Position) {
        let record = Record::Present(Box::new(business));
        let pending = match self.index.get(&id.0) {
            Some(index) => {
                let pending = &mut self.pending[*index as usize];
                pending.record = record;
                pending
            }
            None => self.add(id, record, false),
        };
        pending.changed = true;
        pending.page_at = Some(at);
        if card_changed {
            pending.card_at = Some(at);
        }
    }

    /// Takes out a business that was found before.
    pub(super) fn remove(&mut self, id: BusinessId, ordinal: Ordinal, at: Position) {
        if let Some(index) = self.index.get(&id.0) {
            let pending = &mut self.pending[*index as usize];
            pending.record = Record::Removed(ordinal);
            pending.changed = true;
            pending.page_at = Some(at);
            pending.card_at = Some(at);
        }
    }

    /// An id or a slug leads elsewhere from now on.
    pub(super) fn refer(&mut self, text: String, row: ReferenceRow, at: Position) {
        let key = RowKey::Reference(text).to_bytes();
        self.bytes += size_of::<PendingReference>() + key.len() + 16;
        self.references.push(PendingReference { key, at, row });
    }

    /// The fold's own state, and what leads to businesses.
    pub(super) fn render_state(&self, output: &mut Output) {
        let mut changed = self.changed();
        changed.sort_unstable_by_key(|pending| pending.id);
        output.reserve(changed.len(), self.references.len());
        let mut buffer = Vec::new();
        for pending in changed {
            buffer = postcard::to_extend(&pending.record, buffer).expect("memory takes any state; no type can fail");
            output.state(state_key(pending.id), Some(buffer.as_slice().to_vec()));
            buffer.clear();
        }
        self.render_references(output);
    }

    /// Cards and pages. It shares nothing with [`Self::render_state`]: the two may be written side by side.
    pub(super) fn render_documents(&self, output: &mut Output) {
        let mut changed = self.changed();
        changed.sort_unstable_by_key(|pending| pending.ordinal());
        output.reserve(0, 2 * changed.len());
        let mut writer = TemplateWriter::default();
        for pending in &changed {
            if let Some(at) = pending.card_at {
                pending.document(output, RowKey::Card, at, |id, business| documents::card(&mut writer, id, business));
            }
        }
        for pending in &changed {
            if let Some(at) = pending.page_at {
                pending.document(output, RowKey::Page, at, |id, business| documents::page(&mut writer, id, business));
            }
        }
    }

    fn changed(&self) -> Vec<&Pending> {
        self.pending.iter().filter(|pending| pending.changed).collect()
    }

    fn render_references(&self, output: &mut Output) {
        // The first bytes decide most of it. Of two about the same text the later one comes last.
        let mut references: Vec<(u128, u32)> = (0..).zip(&self.references).map(|(n, r)| (head(&r.key), n)).collect();
        let key = |n: u32| &self.references[n as usize].key;
        references.sort_unstable_by(|(a_head, a), (b_head, b)| {
            a_head.cmp(b_head).then_with(|| key(*a).cmp(key(*b))).then(a.cmp(b))
        });
        for of_one_text in references.chunk_by(|(_, a), (_, b)| key(*a) == key(*b)) {
            if let Some((_, last)) = of_one_text.last() {
                let PendingReference { key, at, row } = &self.references[*last as usize];
                output.push(key.clone(), Some(Row { version: *at, body: row.to_body().into() }));
            }
        }
    }

    /// What was rendered is in the store now.
    pub(super) fn settle(&mut self) {
        *self = Self::default();
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.bytes
    }
}

impl Pending {
    fn ordinal(&self) -> Ordinal {
        match &self.record {
            Record::Present(business) => business.ordinal,
            Record::Removed(ordinal) => *ordinal,
        }
    }

    fn document(
        &self,
        output: &mut Output,
        key: fn(Ordinal) -> RowKey,
        at: Position,
        write: impl FnOnce(BusinessId, &Business) -> Vec<u8>,
    ) {
        match &self.record {
            Record::Present(business) => output.row(&key(business.ordinal), at, write(self.id, business)),
            Record::Removed(ordinal) if self.stored => output.push(key(*ordinal).to_bytes(), None),
            Record::Removed(ordinal) => output.passed(key(*ordinal).to_bytes()),
        }
    }
}

/// The first bytes of a key as a number that orders like them.
fn head(key: &[u8]) -> u128 {
    let mut head = [0; 16];
    let len = key.len().min(head.len());
    head[..len].copy_from_slice(&key[..len]);
    u128::from_be_bytes(head)
}

fn state_key(id: BusinessId) -> Vec<u8> {
    [b"b", id.0.as_bytes().as_slice()].concat()
}

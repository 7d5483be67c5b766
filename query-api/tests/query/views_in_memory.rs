//! Views in memory: rows in order, as a store has them, and a log of what is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use events::{JournalId, Position, StreamId};
use tokio::sync::{Notify, watch};
use uuid::Uuid;
use views::{Partition, Row, RowKey, ViewError, ViewReader, ViewStatus};

/// The journal of every test.
pub(crate) fn journal() -> JournalId {
    JournalId(Uuid::from_u128(0x4c41_574c_4553_5300))
}

pub(crate) type Rows = BTreeMap<Vec<u8>, Row>;

/// What happens to rows while they are read.
pub(crate) type Change = Box<dyn FnOnce(&mut Rows) + Send>;

pub(crate) struct Memory {
    pub(crate) rows: Mutex<Rows>,
    /// What was read, as `docs/reads.md` says it.
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) status: watch::Sender<ViewStatus>,
    /// How many wait, and a sign whenever one begins to.
    pub(crate) waiting: AtomicUsize,
    pub(crate) began_to_wait: Notify,
    /// What happens to the rows right before each of the next range reads.
    pub(crate) before_ranges: Mutex<Vec<Change>>,
    /// What happens to the rows right before the next page is read.
    pub(crate) before_page: Mutex<Option<Change>>,
    /// Every read fails.
    pub(crate) broken: Mutex<bool>,
    /// Any copy of a row may be read, also one that is old.
    pub(crate) reads_any_copy: Mutex<bool>,
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        let status = ViewStatus {
            journal_id: journal(),
            published: Position(1000),
            parked: Arc::default(),
            frozen: false,
            recorded_at: None,
        };
        Arc::new(Self {
            rows: Mutex::default(),
            log: Mutex::default(),
            status: watch::Sender::new(status),
            waiting: AtomicUsize::new(0),
            began_to_wait: Notify::new(),
            before_ranges: Mutex::default(),
            before_page: Mutex::default(),
            broken: Mutex::new(false),
            reads_any_copy: Mutex::new(false),
        })
    }

    pub(crate) fn put(&self, key: &RowKey, version: u64, body: Vec<u8>) {
        let row = Row { version: Position(version), body: body.into() };
        self.rows.lock().unwrap().insert(key.to_bytes(), row);
    }

    pub(crate) fn delete(&self, key: &RowKey) {
        self.rows.lock().unwrap().remove(&key.to_bytes());
    }

    pub(crate) fn publish(&self, position: u64) {
        self.status.send_modify(|status| status.published = Position(position));
    }

    pub(crate) fn park(&self, streams: impl IntoIterator<Item = StreamId>) {
        let parked: BTreeSet<StreamId> = streams.into_iter().collect();
        self.status.send_modify(|status| status.parked = Arc::new(parked));
    }

    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn note(&self, operation: &str, what: &str) -> Result<(), ViewError> {
        self.log.lock().unwrap().push(format!("{operation} {what}"));
        if *self.broken.lock().unwrap() {
            return Err(ViewError::Engine { operation: "read rows", source: "the disk is on fire".into() });
        }
        Ok(())
    }
}

fn kind(key: &RowKey) -> &'static str {
    match key {
        RowKey::Reference(_) => "reference",
        RowKey::Page(_) => "page",
        RowKey::Card(_) => "card",
        RowKey::Node(..) => "node",
        RowKey::NodeSlug(..) => "slug",
        RowKey::Child { .. } => "child",
        RowKey::Block(..) => "block",
    }
}

#[async_trait]
impl ViewReader for Memory {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, ViewError> {
        self.note("get", kind(key))?;
        assert!(key.to_bytes().len() <= 511, "a store refuses keys this long");
        let mut rows = self.rows.lock().unwrap();
        if matches!(key, RowKey::Page(_))
            && let Some(change) = self.before_page.lock().unwrap().take()
        {
            change(&mut rows);
        }
        Ok(rows.get(&key.to_bytes()).cloned())
    }

    async fn multi_get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, ViewError> {
        let kinds: BTreeSet<&str> = keys.iter().map(kind).collect();
        self.note("multi_get", &kinds.into_iter().collect::<Vec<_>>().join("+"))?;
        assert!(keys.iter().all(|key| key.to_bytes().len() <= 511), "a store refuses keys this long");
        let rows = self.rows.lock().unwrap();
        Ok(keys.iter().map(|key| rows.get(&key.to_bytes()).cloned()).collect())
    }

    async fn range(&self, partition: Partition, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ViewError> {
        self.note("range", if matches!(partition, Partition::List(_)) { "block" } else { "child" })?;
        let mut rows = self.rows.lock().unwrap();
        let mut changes = self.before_ranges.lock().unwrap();
        if !changes.is_empty() {
            changes.remove(0)(&mut rows);
        }
        let prefix = partition.prefix();
        let first = [&prefix[..], from].concat();
        let found = rows.range(first..).take_while(|(key, _)| key.starts_with(&prefix)).take(limit);
        Ok(found.map(|(key, row)| (key[prefix.len()..].to_vec(), row.clone())).collect())
    }

    fn status(&self) -> ViewStatus {
        self.status.borrow().clone()
    }

    fn keeps_tokens(&self) -> bool {
        !*self.reads_any_copy.lock().unwrap()
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let mut status = self.status.subscribe();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.began_to_wait.notify_waiters();
        status.wait_for(|status| status.published >= position).await.unwrap();
        Ok(())
    }
}

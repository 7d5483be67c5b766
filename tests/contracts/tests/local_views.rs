//! The laws of `ViewReader`, run against LMDB.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use contracts::store_model;
use contracts::views::{JOURNAL, ViewsHarness};
use events::Position;
use projectors::{Changes, Checkpoint, LmdbProjectionStore, ProjectionStore, StoreOptions};
use tempfile::TempDir;
use tokio::sync::watch;
use views::{Row, RowKey, ViewReader, ViewStatus};

struct Local {
    store: LmdbProjectionStore,
    reader: Arc<dyn ViewReader>,
    status: watch::Sender<ViewStatus>,
    _folder: TempDir,
}

async fn local() -> Local {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { map_bytes: 64 << 20, ..StoreOptions::default() };
    let store = LmdbProjectionStore::open(folder.path(), &options).unwrap();
    let (status, seen) = watch::channel(ViewStatus {
        journal_id: JOURNAL,
        published: Position::ZERO,
        parked: Arc::default(),
        frozen: false,
        recorded_at: None,
    });
    Local { reader: Arc::new(store.view_reader(seen)), store, status, _folder: folder }
}

#[async_trait]
impl ViewsHarness for Local {
    fn reader(&self) -> Arc<dyn ViewReader> {
        self.reader.clone()
    }

    async fn put(&mut self, rows: Vec<(RowKey, Option<Row>)>, published: Position) {
        let mut rows: Vec<_> = rows.into_iter().map(|(key, row)| (key.to_bytes(), row)).collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let checkpoint = Checkpoint { journal_id: JOURNAL, position: published, ..store_model::batch(1, 1).1 };
        self.store.commit(&Changes { rows, ..Changes::default() }, &checkpoint).unwrap();
        self.status.send_modify(|status| status.published = published);
    }
}

contracts::view_laws!(local);

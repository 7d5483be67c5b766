//! The laws of `Journal` and `EventFeed`, run against SQLite.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use contracts::journal::JournalHarness;
use event_log::{EventFeed, Journal, SqliteJournal, SqliteJournalOptions};
use tempfile::TempDir;

struct SqliteHarness {
    folder: TempDir,
    journal: SqliteJournal,
}

async fn sqlite() -> SqliteHarness {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder).await;
    SqliteHarness { folder, journal }
}

async fn open(folder: &TempDir) -> SqliteJournal {
    SqliteJournal::open(folder.path().join("journal.db"), SqliteJournalOptions::default()).await.unwrap()
}

#[async_trait]
impl JournalHarness for SqliteHarness {
    fn journal(&self) -> Arc<dyn Journal> {
        Arc::new(self.journal.clone())
    }

    async fn feed(&self) -> Arc<dyn EventFeed> {
        Arc::new(self.journal.feed())
    }

    async fn reopen(&mut self) {
        self.journal.close().await;
        self.journal = open(&self.folder).await;
    }
}

contracts::journal_laws!(sqlite);

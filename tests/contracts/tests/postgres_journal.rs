//! The laws of `Journal` and `EventFeed`, run against PostgreSQL.

#![allow(clippy::unwrap_used)]

/// Needs an engine.
mod distributed {
    use std::sync::Arc;

    use async_trait::async_trait;
    use contracts::database::Database;
    use contracts::journal::JournalHarness;
    use event_log::{EventFeed, Journal, PostgresJournal, PostgresJournalOptions};

    struct PostgresHarness {
        journal: PostgresJournal,
        database: Database,
    }

    async fn postgres() -> PostgresHarness {
        let database = Database::new().await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        PostgresHarness { journal: open(&database).await, database }
    }

    async fn open(database: &Database) -> PostgresJournal {
        PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap()
    }

    #[async_trait]
    impl JournalHarness for PostgresHarness {
        fn journal(&self) -> Arc<dyn Journal> {
            Arc::new(self.journal.clone())
        }

        async fn feed(&self) -> Arc<dyn EventFeed> {
            Arc::new(self.journal.feed())
        }

        async fn reopen(&mut self) {
            self.journal.close().await;
            self.journal = open(&self.database).await;
        }
    }

    contracts::journal_laws!(postgres);
}

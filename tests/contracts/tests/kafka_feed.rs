//! The laws of `Journal` and `EventFeed`, run against a journal in PostgreSQL whose events Kafka carries.

#![allow(clippy::unwrap_used)]

/// Needs engines.
mod distributed {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use contracts::database::Database;
    use contracts::journal::JournalHarness;
    use contracts::services;
    use event_log::{
        EventFeed, Journal, KafkaEventFeed, KafkaOptions, PostgresJournal, PostgresJournalOptions, Relay, RelayHealth,
        RelayOptions,
    };

    /// Long enough for any machine; it is only ever waited out by a law that is broken.
    const DEADLINE: Duration = Duration::from_secs(60);

    struct KafkaHarness {
        journal: PostgresJournal,
        feed: Arc<KafkaEventFeed>,
        relay: Option<Relay>,
        database: Database,
    }

    async fn kafka() -> KafkaHarness {
        let database = Database::new().await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        open(database).await
    }

    async fn open(database: Database) -> KafkaHarness {
        let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
        let options = KafkaOptions::new(services::kafka());
        let relay = Relay::start(journal.clone(), options.clone(), RelayOptions::default());
        let mut status = relay.status();
        let relaying = status.wait_for(|status| status.health == RelayHealth::Relaying);
        tokio::time::timeout(DEADLINE, relaying).await.expect("it relays").unwrap();
        let feed = Arc::new(KafkaEventFeed::new(journal.id(), options).unwrap());
        KafkaHarness { journal, feed, relay: Some(relay), database }
    }

    #[async_trait]
    impl JournalHarness for KafkaHarness {
        fn journal(&self) -> Arc<dyn Journal> {
            Arc::new(self.journal.clone())
        }

        async fn feed(&self) -> Arc<dyn EventFeed> {
            let head = self.journal.feed().head().await.unwrap();
            let arrives = async {
                loop {
                    let come_to = self.feed.head().await.unwrap();
                    if come_to >= head {
                        return;
                    }
                    self.feed.wait_beyond(come_to).await.unwrap();
                }
            };
            tokio::time::timeout(DEADLINE, arrives).await.expect("Kafka carries what was appended");
            self.feed.clone()
        }

        async fn reopen(&mut self) {
            self.relay.take().unwrap().shutdown().await;
            self.journal.close().await;
            let database = std::mem::replace(&mut self.database, Database::new().await);
            *self = open(database).await;
        }
    }

    contracts::journal_laws!(kafka);
}

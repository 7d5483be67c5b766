//! Reads of the past come from a streaming standby, and from the primary where that is of no use.

use std::time::Duration;

use contracts::database::Database;
use contracts::journal::{append_many, business};
use contracts::server::{Server, Standby};
use event_log::{Journal, PostgresJournal, PostgresJournalOptions, ReplicaOptions};
use events::{StreamId, StreamVersion};

/// A server with a standby, and a journal on it with a stream of three events.
struct Pair {
    server: Server,
    database: Database,
    standby: Standby,
    stream: StreamId,
}

impl Pair {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
        let standby = Standby::of(&server).await;
        let database = Database::at(&server.url()).await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        Self { server, database, standby, stream: business() }
    }

    /// A journal that may read the past from the standby while it is so far behind.
    async fn journal(&self, lag_max: Duration) -> PostgresJournal {
        let url = self.standby.database(&self.database.url);
        self.journal_with(ReplicaOptions { url, lag_max }).await
    }

    async fn journal_with(&self, replica: ReplicaOptions) -> PostgresJournal {
        let options = PostgresJournalOptions { replica: Some(replica), ..PostgresJournalOptions::default() };
        PostgresJournal::open(&self.database.url, options).await.unwrap()
    }

    /// Three events that both have, and two that only the primary has.
    async fn write(&self, journal: &PostgresJournal) {
        journal.append(append_many(self.stream, 0, 3)).await.unwrap();
        self.standby.caught_up_with(&self.server).await;
        self.standby.ask("SELECT pg_wal_replay_pause()::text").await;
        journal.append(append_many(self.stream, 3, 2)).await.unwrap();
    }

    async fn end(self) {
        let Self { server, database, standby, .. } = self;
        let ending = move || {
            drop(standby);
            drop(database);
            drop(server);
        };
        tokio::task::spawn_blocking(ending).await.unwrap();
    }
}

async fn past(journal: &PostgresJournal, stream: StreamId) -> usize {
    journal.read_past(stream, StreamVersion::ZERO, 100).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_read_from_the_replica_and_decisions_are_not() {
    let pair = Pair::new().await;
    let journal = pair.journal(Duration::from_secs(3600)).await;
    pair.write(&journal).await;
    assert_eq!(past(&journal, pair.stream).await, 3, "the standby has three of them");
    let now = journal.read_stream(pair.stream, StreamVersion::ZERO, 100).await.unwrap();
    assert_eq!(now.len(), 5, "what is decided on comes from the primary");
    journal.close().await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_too_far_behind_away_or_of_another_journal_is_not_read_from() {
    let mut pair = Pair::new().await;
    let journal = pair.journal(Duration::ZERO).await;
    pair.write(&journal).await;
    assert_eq!(past(&journal, pair.stream).await, 5, "it is behind");

    let other = Database::at(&pair.server.url()).await;
    PostgresJournal::migrate(&other.url).await.unwrap();
    let foreign = ReplicaOptions { url: other.url.clone(), lag_max: Duration::from_secs(3600) };
    let misled = pair.journal_with(foreign).await;
    assert_eq!(past(&misled, pair.stream).await, 5, "it is of another journal");
    misled.close().await;
    drop(other);

    let patient = pair.journal(Duration::from_secs(3600)).await;
    assert_eq!(past(&patient, pair.stream).await, 3);
    pair.standby.kill();
    assert_eq!(past(&patient, pair.stream).await, 5, "it is away");
    journal.close().await;
    patient.close().await;
    pair.end().await;
}

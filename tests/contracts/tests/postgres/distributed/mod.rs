//! Each of these needs an engine.

mod connections;
mod processes;
mod replica;
mod restored;
mod server;
mod standby;
mod tables;

use std::time::{Duration, Instant};

use contracts::database::Database;
use event_log::{PostgresJournal, PostgresJournalOptions};

/// Long enough for any machine; it is only ever waited out by a test that fails.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until something has happened.
async fn until(what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < DEADLINE, "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A journal in a database of its own.
async fn journal() -> (PostgresJournal, Database) {
    let database = Database::new().await;
    PostgresJournal::migrate(&database.url).await.unwrap();
    (open(&database.url).await, database)
}

async fn open(url: &str) -> PostgresJournal {
    PostgresJournal::open(url, PostgresJournalOptions::default()).await.unwrap()
}

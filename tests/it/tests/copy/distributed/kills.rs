//! Killed at random moments: the journal is where it was, or where it went, and never takes commands in both.

use std::time::Instant;

use contracts::database::Database;
use event_log::{EventFeed, PostgresJournal, PostgresJournalOptions, SqliteJournal, SqliteJournalOptions};

use super::{Place, define_categories, end, journal_file, register, token_of};

/// Kills in a plain run, and in a long one.
fn rounds() -> u32 {
    if std::env::var_os("LAWLESS_LONG").is_some() { 40 } else { 3 }
}

/// Businesses of the journal, so that there is something to cut through.
const BUSINESSES: &str = "1500";

/// How far a database is: nothing of a journal is there, or all of it.
async fn head(database: &Database) -> u64 {
    let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
    let head = journal.feed().head().await.unwrap();
    journal.close().await;
    assert_eq!(database.count("events").await, head.0, "half of it is there");
    head.0
}

#[tokio::test]
async fn a_copy_that_is_killed_is_whole_or_not_there() {
    let first = Place::new().await;
    first.done(&mut first.command("old", &["demo", "--businesses", BUSINESSES])).await;
    // How long one takes.
    copy_folder(&first, &first, "again").await;
    let begun = Instant::now();
    first.done(&mut first.copy("again")).await;
    let usual = begun.elapsed();
    let whole = head(&first.database).await;
    let (mut before, mut after) = (0, 0);
    for round in 0..rounds() {
        let place = Place::new().await;
        copy_folder(&first, &place, "old").await;
        let mut child = place.copy("old").spawn().unwrap();
        // The commit is at the end: half of the kills come there.
        let part = if round % 2 == 0 { rand::random_range(0.7..1.1) } else { rand::random_range(0.0..1.0) };
        tokio::time::sleep(usual.mul_f64(part)).await;
        let _ = child.kill().await;

        let arrived = head(&place.database).await;
        assert!(arrived == 0 || arrived == whole, "{arrived} of {whole} events are there");
        let marked = is_marked(&place).await;
        assert!(arrived == 0 || marked, "both take commands");
        if arrived == 0 {
            before += 1;
        } else {
            after += 1;
        }
        if !marked {
            // It goes on where it was.
            let program = place.start("old").await;
            define_categories(&program.client().unwrap()).await;
            end(program).await;
        }
        place.done(&mut place.copy("old")).await;
        let old = place.data("old");
        let verify = ["journal", "verify", "--mode", "distributed", "--against", old.to_str().unwrap()];
        // Every round is the same journal going another way, which the relay would rightly halt over.
        place.done(&mut place.command("new", &["relay", "refill", "--mode", "distributed"])).await;
        let program = place.start_distributed("new", "old").await;
        if marked {
            define_categories(&program.client().unwrap()).await;
        }
        token_of(&register(&program.client().unwrap(), "Pizza", "own-key").await);
        end(program).await;
        place.done(&mut place.command("new", &verify)).await;
    }
    println!("a copy takes {usual:?}; {before} kills before it was there, {after} after");
}

async fn is_marked(place: &Place) -> bool {
    let file = journal_file(&place.data("old"));
    let journal = SqliteJournal::open(file, SqliteJournalOptions::default()).await.unwrap();
    let marked = journal.moved().is_some();
    journal.close().await;
    marked
}

async fn copy_folder(from: &Place, to: &Place, name: &str) {
    let _ = to.home(name);
    let mut copy = tokio::process::Command::new("cp");
    let status = copy.arg("-a").arg(from.data("old")).arg(to.data(name)).status().await.unwrap();
    assert!(status.success());
}

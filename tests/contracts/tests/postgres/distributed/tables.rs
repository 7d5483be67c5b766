//! Tables of another age, another journal under a running one, rows that were tampered with.

use std::time::{Duration, Instant};

use contracts::database::Database;
use contracts::journal::{append, append_many, business, claim, read_all};
use event_log::{
    Append, AppendError, EventFeed, Journal, JournalError, Migrated, PostgresJournal, PostgresJournalOptions,
};
use events::Position;

use sqlx::Connection;

use super::{DEADLINE, journal, open};

async fn refused(database: &Database) -> JournalError {
    PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_database_without_a_journal_is_refused_with_what_to_do() {
    let database = Database::new().await;
    let error = refused(&database).await;
    assert!(matches!(error, JournalError::Format { .. }), "{error}");
    assert!(error.to_string().contains("lawless migrate"), "{error}");
    assert!(!error.to_string().contains("lawless:"), "a password is told: {error}");
}

#[tokio::test]
async fn tables_of_a_newer_program_are_refused_and_not_changed() {
    let (journal, database) = journal().await;
    journal.close().await;
    database.execute("INSERT INTO migrations (number) VALUES (99)").await;
    for error in [refused(&database).await, PostgresJournal::migrate(&database.url).await.unwrap_err()] {
        assert!(matches!(error, JournalError::Format { .. }), "{error}");
        assert!(error.to_string().contains("newer program"), "{error}");
    }
}

#[tokio::test]
async fn other_event_schemas_are_refused() {
    let (journal, database) = journal().await;
    journal.close().await;
    database.execute("UPDATE journal SET schema_fingerprint = schema_fingerprint # 1").await;
    let error = refused(&database).await;
    assert!(matches!(error, JournalError::Format { .. }), "{error}");
    assert!(error.to_string().contains("schemas may change until v0.1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_once_whoever_asks() {
    let database = Database::new().await;
    let asking = (0..4).map(|_| PostgresJournal::migrate(&database.url));
    let done: Vec<Migrated> = futures::future::join_all(asking).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(done.iter().filter(|migrated| migrated.before == 0).count(), 1);
    assert!(done.iter().all(|migrated| migrated.now == done[0].now));
    assert_eq!(done.iter().filter(|migrated| migrated.before == migrated.now).count(), 3);
    let journal = open(&database.url).await;
    let id = journal.id();
    PostgresJournal::migrate(&database.url).await.unwrap();
    assert_eq!(open(&database.url).await.id(), id);
}

/// Whoever waits for another process's change of the tables waits longer than any statement of a server may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_migration_is_waited_for() {
    let database = Database::new().await;
    let mut other = database.connect().await;
    // The number is that of `postgres/migrate.rs`: another process is at it.
    sqlx::query("SELECT pg_advisory_lock(x'6c61776c657373'::bigint)").execute(&mut other).await.unwrap();
    let url = database.url.clone();
    let waiting = tokio::spawn(async move { PostgresJournal::migrate(&url).await });
    let longest = PostgresJournalOptions::default().answer_timeout;
    let waits_long = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'advisory' AND now() - query_start > $1 * interval '1 s'";
    let begun = Instant::now();
    while sqlx::query_scalar::<_, i64>(waits_long).bind(longest.as_secs_f64()).fetch_one(&mut other).await.unwrap() == 0
    {
        assert!(!waiting.is_finished(), "it gave up: {:?}", waiting.await);
        assert!(begun.elapsed() < DEADLINE, "it does not wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    other.close().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().before, 0);
}

#[tokio::test]
async fn tables_of_an_older_program_are_refused_with_what_to_do() {
    let (journal, database) = journal().await;
    journal.close().await;
    database.execute("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)").await;
    let error = refused(&database).await;
    assert!(matches!(error, JournalError::Format { .. }), "{error}");
    assert!(error.to_string().contains("`lawless migrate`"), "{error}");
}

/// As after a restored backup, or a standby that was promoted before it had everything: what was reached is not reached
/// a second time with other events.
#[tokio::test]
async fn a_counter_that_went_back_under_a_running_writer_stops_it() {
    let (journal, database) = journal().await;
    journal.append(append_many(business(), 0, 3)).await.unwrap();
    database.execute("DELETE FROM events WHERE position = 3; UPDATE journal SET head = 2").await;
    for _ in 0..2 {
        let error = journal.append(append(business(), 0)).await.unwrap_err();
        assert!(error.to_string().contains("the counter says 2 after 3 was reached"), "{error}");
    }
    assert_eq!(read_all(&journal.feed()).await.len(), 2);
    // Whoever opens it anew does not know better; that is what another id is for.
    open(&database.url).await.append(append(business(), 0)).await.unwrap();
}

/// A process that only reads has seen it, too.
#[tokio::test]
async fn a_new_id_stops_followers_and_is_another_journal() {
    let (journal, database) = journal().await;
    journal.append(append_many(business(), 0, 2)).await.unwrap();
    let feed = journal.feed();
    assert_eq!(read_all(&feed).await.len(), 2);
    let adopted = PostgresJournal::adopt(&database.url).await.unwrap();
    assert_eq!((adopted.previous, adopted.head), (journal.id(), Position(2)));
    open(&database.url).await.append(append(business(), 0)).await.unwrap();
    let refusals = [
        feed.head().await.unwrap_err(),
        feed.read(Position(2), 10).await.unwrap_err(),
        tokio::time::timeout(DEADLINE, feed.wait_beyond(Position(3))).await.expect("it is told").unwrap_err(),
    ];
    for error in refusals {
        let expected = format!("this is journal {} now, and not {}", adopted.id, adopted.previous);
        assert!(matches!(&error, JournalError::Corrupt { .. }) && error.to_string().contains(&expected), "{error}");
    }
}

#[tokio::test]
async fn another_journal_under_a_running_writer_stops_it() {
    let (journal, database) = journal().await;
    let before = journal.id();
    database.execute("UPDATE journal SET journal_id = gen_random_uuid()").await;
    for _ in 0..2 {
        let error = journal.append(append(business(), 0)).await.unwrap_err();
        assert!(error.to_string().contains(&format!("and not {before}")), "{error}");
    }
    assert!(read_all(&journal.feed()).await.is_empty());
}

#[tokio::test]
async fn a_counter_that_does_not_fit_the_events_is_refused() {
    let (journal, database) = journal().await;
    journal.append(append_many(business(), 0, 3)).await.unwrap();
    journal.close().await;
    database.execute("UPDATE journal SET head = 2").await;
    let error = refused(&database).await;
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn tampered_rows_are_told_and_not_handed_out() {
    let (journal, database) = journal().await;
    let stream = business();
    journal.append(append_many(stream, 0, 3)).await.unwrap();
    let feed = journal.feed();
    let tampering = [
        "UPDATE events SET payload = '\\x07' WHERE position = 2",
        "UPDATE events SET stream_kind = 'nothing known' WHERE position = 2",
        "UPDATE events SET version = -2 WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
    ];
    for tampering in tampering {
        database.execute(tampering).await;
        let error = feed.read(Position::ZERO, 10).await.unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{tampering}: {error}");
        // The intact ones beside it are still readable.
        assert_eq!(feed.read(Position::ZERO, 1).await.unwrap().len(), 1);
        assert_eq!(feed.read(Position(2), 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_does_not_take_recorded_at_with_it() {
    let (journal, database) = journal().await;
    database.execute("UPDATE journal SET recorded_at = 9000000000000000").await;
    journal.append(append(business(), 0)).await.unwrap();
    assert_eq!(read_all(&journal.feed()).await[0].recorded_at.0, 9_000_000_000_000_000);
}

#[tokio::test]
async fn old_keys_are_cleaned_away_and_young_ones_kept() {
    let (keeping, database) = journal().await;
    let requests = [append(business(), 0), append(business(), 0), append(business(), 0)];
    keeping.append(requests[0].clone()).await.unwrap();
    keeping.append(requests[1].clone()).await.unwrap();
    database.execute("UPDATE events SET recorded_at = recorded_at - 3600000000 WHERE position = 1").await;
    let options =
        PostgresJournalOptions { key_retention: Duration::from_secs(1800), ..PostgresJournalOptions::default() };
    let forgetting = PostgresJournal::open(&database.url, options).await.unwrap();
    forgetting.append(requests[2].clone()).await.unwrap();
    // Closing waits for what comes after the answer.
    forgetting.close().await;
    let mut kept = Vec::new();
    for request in &requests {
        kept.push(keeping.find_key(&request.key).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, true, true]);
}

/// PostgreSQL's text has no NUL, SQLite's has: no journal takes it.
#[tokio::test]
async fn a_name_with_a_nul_is_refused_and_harms_nobody() {
    let (journal, _database) = journal().await;
    let bad = Append { claims: vec![claim("a\0b")], ..append(business(), 0) };
    let (left, refused, right) =
        tokio::join!(journal.append(append(business(), 0)), journal.append(bad), journal.append(append(business(), 0)));
    assert!(matches!(refused.unwrap_err(), AppendError::Malformed(_)));
    assert!(left.is_ok() && right.is_ok());
}

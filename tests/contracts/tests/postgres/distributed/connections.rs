//! A lost connection loses no command, doubles none, and stops nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use contracts::journal::{append, append_many, assert_dense, business, read_all};
use contracts::wire::Wire;
use event_log::{Appended, EventFeed, Journal, JournalError, PostgresJournal, PostgresJournalOptions};
use events::{Position, StreamVersion};
use sqlx::Connection;

use super::{DEADLINE, journal, open, until};

const WRITERS: usize = 8;
const KILLS: usize = 20;
const APPENDS_BETWEEN_KILLS: usize = 10;
/// Each kind of connection is waited for a little while.
const CLOSES_WITHIN: Duration = Duration::from_secs(20);

/// The worst moment: stored, and the answer is lost. The caller gets the answer of the first and only time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_after_the_commit_is_settled() {
    let (beside, database) = journal().await;
    let wire = Wire::to(&database.url).await;
    let journal = open(&wire.through(&database.url)).await;
    // The second waits for what the first one leaves to do after its answer.
    journal.append(append(business(), 0)).await.unwrap();
    journal.append(append(business(), 0)).await.unwrap();

    wire.lose_answers(true);
    let request = append_many(business(), 0, 3);
    let (asking, asked) = (journal.clone(), request.clone());
    let answer = tokio::spawn(async move { asking.append(asked).await });
    tokio::time::timeout(DEADLINE, beside.feed().wait_beyond(Position(2))).await.expect("it was stored").unwrap();
    assert!(!answer.is_finished(), "nobody can know yet");
    wire.lose_answers(false);
    wire.cut();

    let appended = answer.await.unwrap().unwrap();
    let expected = Appended {
        stream: request.stream,
        version: events::StreamVersion(3),
        first: Position(3),
        last: Position(5),
        replayed: false,
    };
    assert_eq!(appended, expected);
    // Whoever asks once more is told that it is a repetition.
    assert!(journal.append(request).await.unwrap().replayed);
    assert_eq!(read_all(&journal.feed()).await.len(), 5);
}

/// Reads whose callers went away, and a follower that waits, leave connections behind that hang with the server: the journal
/// can be closed all the same, and its process ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_whose_server_hangs_can_be_closed() {
    let (beside, database) = journal().await;
    let wire = Wire::to(&database.url).await;
    let journal = open(&wire.through(&database.url)).await;
    let feed = journal.feed();
    let following = tokio::spawn(async move { feed.wait_beyond(Position(1)).await });
    beside.append(append(business(), 0)).await.unwrap();
    tokio::time::timeout(DEADLINE, journal.feed().wait_beyond(Position::ZERO)).await.unwrap().unwrap();

    wire.lose_answers(true);
    give_up(&journal).await;
    following.abort();
    tokio::time::timeout(CLOSES_WITHIN, journal.close()).await.expect("it is closed");
}

/// Whoever asked and went away before the answer, which then got lost, leaves no connection behind that nobody can have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_were_given_up_keep_no_connection() {
    let (_journal, database) = journal().await;
    let wire = Wire::to(&database.url).await;
    let options = PostgresJournalOptions { read_connections: 1, ..PostgresJournalOptions::default() };
    let journal = PostgresJournal::open(&wire.through(&database.url), options).await.unwrap();
    let stream = business();
    journal.append(append(stream, 0)).await.unwrap();
    let mut worker = database.connect().await;
    let mut working = worker.begin().await.unwrap();
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *working).await.unwrap();
    let asking = journal.clone();
    let asked = tokio::spawn(async move { asking.read_stream(stream, StreamVersion(0), 10).await });
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted)";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut *working).await.unwrap() {}

    wire.lose_answers(true);
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    working.rollback().await.unwrap();
    until("the answer is lost", || wire.bytes_lost() > 0).await;
    wire.lose_answers(false);

    let read = async { while journal.read_stream(stream, StreamVersion(0), 10).await.is_err() {} };
    tokio::time::timeout(DEADLINE, read).await.expect("there is a connection");
}

/// Asks, and does not wait for the answer.
async fn give_up(journal: &PostgresJournal) {
    let feed = journal.feed();
    assert!(tokio::time::timeout(Duration::from_millis(100), feed.head()).await.is_err(), "it was answered");
}

/// Connections are ended again and again under load: every command is answered, once, and stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_connections_lose_and_double_nothing() {
    let (journal, database) = journal().await;
    let done = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (journal, done, enough) = (journal.clone(), Arc::clone(&done), Arc::clone(&enough));
            tokio::spawn(async move {
                let (stream, mut version) = (business(), 0);
                while !enough.load(Ordering::SeqCst) {
                    let appended = journal.append(append(stream, version)).await.unwrap();
                    assert!(!appended.replayed);
                    version = appended.version.0;
                    done.fetch_add(1, Ordering::SeqCst);
                }
                version
            })
        })
        .collect();
    let mut killer = database.connect().await;
    let mut killed = 0;
    for _ in 0..KILLS {
        // Only when it goes on again there is a connection that can be ended.
        let before = done.load(Ordering::SeqCst);
        until("progress", || done.load(Ordering::SeqCst) >= before + APPENDS_BETWEEN_KILLS).await;
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        killed += ended.fetch_all(&mut killer).await.unwrap().len();
    }
    killer.close().await.unwrap();
    enough.store(true, Ordering::SeqCst);
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += tokio::time::timeout(DEADLINE, writer).await.unwrap().unwrap();
    }
    assert!(killed >= KILLS, "only {killed} connections were ended");
    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    assert_eq!(stored.len() as u64, acknowledged);
}

/// Somebody else holds the lock: those who wait are told in time, and it goes on when he lets go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_given_back_is_not_waited_for_without_end() {
    let (_journal, database) = journal().await;
    let options =
        PostgresJournalOptions { lock_timeout: Duration::from_millis(100), ..PostgresJournalOptions::default() };
    let journal = PostgresJournal::open(&database.url, options).await.unwrap();
    let mut holder = database.connect().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM journal FOR UPDATE").execute(&mut *held).await.unwrap();

    let request = append(business(), 0);
    // Sooner than a statement may take: who waits for a lock holds up everybody behind him.
    let within = PostgresJournalOptions::default().answer_timeout;
    let refused = tokio::time::timeout(within, journal.append(request.clone())).await.expect("it is told").unwrap_err();
    let unavailable = matches!(&refused, event_log::AppendError::Journal(JournalError::Unavailable { .. }));
    assert!(unavailable, "{refused}");
    held.rollback().await.unwrap();
    assert!(!journal.append(request).await.unwrap().replayed);
}

/// Somebody works on a table: those who read it are told in time, and their connections are not used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_not_waited_for_without_end() {
    let (_journal, database) = journal().await;
    let options = PostgresJournalOptions {
        read_connections: 1,
        read_timeout: Duration::from_millis(100),
        ..PostgresJournalOptions::default()
    };
    let journal = PostgresJournal::open(&database.url, options).await.unwrap();
    let stream = business();
    journal.append(append(stream, 0)).await.unwrap();
    let mut worker = database.connect().await;
    let mut working = worker.begin().await.unwrap();
    sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *working).await.unwrap();

    for _ in 0..3 {
        let read = tokio::time::timeout(DEADLINE, journal.read_stream(stream, StreamVersion(0), 10)).await;
        let refused = read.expect("it is told").unwrap_err();
        assert!(matches!(refused, JournalError::Unavailable { .. }), "{refused}");
    }
    working.rollback().await.unwrap();
    assert_eq!(journal.read_stream(stream, StreamVersion(0), 10).await.unwrap().len(), 1);
}

/// What cannot be reached is said so, and no one waits without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_is_told() {
    let (_journal, database) = journal().await;
    let wire = Wire::to(&database.url).await;
    let options =
        PostgresJournalOptions { settle_timeout: Duration::from_millis(200), ..PostgresJournalOptions::default() };
    let journal = PostgresJournal::open(&wire.through(&database.url), options).await.unwrap();
    // A port that nobody listens at.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    wire.lead_to(&format!("postgres://x:y@{nobody}/z"));
    wire.cut();
    let request = append(business(), 0);
    let refused =
        tokio::time::timeout(DEADLINE, journal.append(request.clone())).await.expect("it is told").unwrap_err();
    assert!(matches!(&refused, event_log::AppendError::Journal(JournalError::Unavailable { .. })), "{refused}");
    wire.lead_to(&database.url);
    assert!(!journal.append(request).await.unwrap().replayed);
}

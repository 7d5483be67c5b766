//! A standby takes over: an asynchronous one may have missed something, a synchronous one has all that was acknowledged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::database::Database;
use contracts::journal::{append, append_many, assert_dense, business, read_all};
use contracts::server::{Server, Standby};
use contracts::wire::Wire;
use event_log::{AppendError, EventFeed, Journal, JournalError, PostgresJournal, PostgresJournalOptions};
use events::{EventId, Position};

use super::{DEADLINE, open, until};

const WRITERS: usize = 8;
const APPENDS_BEFORE: usize = 200;
const APPENDS_AFTER: usize = 200;

async fn served() -> (Server, Database) {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::at(&server.url()).await;
    PostgresJournal::migrate(&database.url).await.unwrap();
    (server, database)
}

async fn end(server: Server, database: Database, standby: Standby) {
    let ending = move || {
        drop(standby);
        drop(database);
        drop(server);
    };
    tokio::task::spawn_blocking(ending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_promoted_with_loss_is_noticed_by_writers_and_followers() {
    // Given: a standby that has missed what was written last, though it was acknowledged.
    let (server, database) = served().await;
    let standby = Standby::of(&server).await;
    let wire = Wire::to(&database.url).await;
    let (writer, reader) = (open(&wire.through(&database.url)).await, open(&wire.through(&database.url)).await);
    writer.append(append_many(business(), 0, 3)).await.unwrap();
    standby.caught_up_with(&server).await;
    standby.cut_off().await;
    writer.append(append_many(business(), 0, 2)).await.unwrap();
    let feed = reader.feed();
    assert_eq!(read_all(&feed).await.len(), 5);

    // When: the server is gone, the standby takes over, and the clients move over to it.
    server.kill();
    standby.promote().await;
    wire.lead_to(&standby.database(&database.url));
    wire.cut();

    // Then: nothing is given the positions that were lost, and no one follows.
    for _ in 0..2 {
        let refused = tokio::time::timeout(DEADLINE, writer.append(append(business(), 0))).await.unwrap().unwrap_err();
        assert!(refused.to_string().contains("the counter says 3 after 5 was reached"), "{refused}");
        assert!(refused.to_string().contains("lawless journal adopt"), "{refused}");
    }
    let waited = tokio::time::timeout(DEADLINE, feed.wait_beyond(Position(5))).await;
    let refused = waited.expect("it is told").unwrap_err();
    assert!(refused.to_string().contains("the counter says 3 after 5 was reached"), "{refused}");
    let refused = feed.read(Position(5), 10).await.unwrap_err();
    assert!(refused.to_string().contains("a standby promoted"), "{refused}");

    // With another id it is another journal, and goes on.
    writer.close().await;
    reader.close().await;
    let there = standby.database(&database.url);
    let adopted = PostgresJournal::adopt(&there).await.unwrap();
    assert_eq!(adopted.head, Position(3));
    let journal = open(&there).await;
    assert_eq!(journal.id(), adopted.id);
    assert_ne!(journal.id(), adopted.previous);
    assert_eq!(journal.append(append(business(), 0)).await.unwrap().first, Position(4));
    journal.close().await;
    end(server, database, standby).await;
}

/// Killed under load with a synchronous standby, which takes over: the same journal object goes on, and all that was
/// acknowledged is there, once and where it was said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_that_takes_over_has_all_that_was_acknowledged() {
    let (server, database) = served().await;
    let standby = Standby::of(&server).await;
    server.ask("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    server.ask("SELECT pg_reload_conf()::text").await;
    let wire = Wire::to(&database.url).await;
    let journal = open(&wire.through(&database.url)).await;

    let load = Arc::new(Load::default());
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(journal.clone(), Arc::clone(&load)))).collect();
    until("progress", || load.done.load(Ordering::SeqCst) >= APPENDS_BEFORE).await;
    let synchronous = server.ask("SELECT sync_state FROM pg_stat_replication").await;
    assert_eq!(synchronous, ["sync"]);
    server.kill();
    standby.promote().await;
    standby.ask("ALTER SYSTEM RESET synchronous_standby_names").await;
    standby.ask("SELECT pg_reload_conf()::text").await;
    wire.lead_to(&standby.database(&database.url));
    wire.cut();
    let then = load.done.load(Ordering::SeqCst);
    until("progress", || load.done.load(Ordering::SeqCst) >= then + APPENDS_AFTER).await;
    load.enough.store(true, Ordering::SeqCst);
    for writer in writers {
        tokio::time::timeout(DEADLINE, writer).await.unwrap().unwrap();
    }

    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    let acknowledged = std::mem::take(&mut *load.acknowledged.lock().unwrap());
    assert_eq!(stored.len(), acknowledged.len(), "stored and acknowledged");
    for event in &stored {
        assert_eq!(acknowledged.get(&event.header.event_id), Some(&event.position.0));
    }
    journal.close().await;
    end(server, database, standby).await;
}

/// A synchronous standby that does not answer: PostgreSQL has the commit on its own disk by then, and would call it done
/// if it were told to stop waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_not_acknowledged_without_the_synchronous_standby() {
    let (server, database) = served().await;
    let options = PostgresJournalOptions {
        lock_timeout: Duration::from_millis(200),
        answer_timeout: Duration::from_millis(500),
        settle_timeout: Duration::from_millis(500),
        ..PostgresJournalOptions::default()
    };
    let journal = PostgresJournal::open(&database.url, options).await.unwrap();
    server.ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    server.ask("SELECT pg_reload_conf()::text").await;
    until_asked(&server, "SHOW synchronous_standby_names", "nobody").await;

    let request = append(business(), 0);
    let refused = tokio::time::timeout(DEADLINE, journal.append(request.clone())).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("the same key settles what happened"), "{refused}");
    let refused = tokio::time::timeout(DEADLINE, journal.append(request.clone())).await.unwrap().unwrap_err();
    assert!(matches!(&refused, AppendError::Journal(JournalError::Unavailable { .. })), "{refused}");
    assert_eq!(journal.find_key(&request.key).await.unwrap(), None, "nobody sees it yet");

    // There is one again, or none is asked for: the same key has its answer.
    server.ask("ALTER SYSTEM RESET synchronous_standby_names").await;
    server.ask("SELECT pg_reload_conf()::text").await;
    tokio::time::timeout(DEADLINE, journal.feed().wait_beyond(Position::ZERO)).await.expect("it was stored").unwrap();
    let appended = journal.append(request).await.unwrap();
    assert_eq!((appended.first, appended.last), (Position(1), Position(1)));
    assert_eq!(read_all(&journal.feed()).await.len(), 1);
    journal.close().await;
    tokio::task::spawn_blocking(move || drop((database, server))).await.unwrap();
}

async fn until_asked(server: &Server, question: &str, answer: &str) {
    let asking = async { while server.ask(question).await != [answer] {} };
    tokio::time::timeout(DEADLINE, asking).await.expect(question);
}

#[derive(Default)]
pub(super) struct Load {
    pub(super) done: AtomicUsize,
    pub(super) enough: AtomicBool,
    /// Where each event was said to be.
    pub(super) acknowledged: Mutex<HashMap<EventId, u64>>,
}

pub(super) async fn write(journal: PostgresJournal, load: Arc<Load>) {
    let (stream, mut version) = (business(), 0);
    while !load.enough.load(Ordering::SeqCst) {
        let append = append_many(stream, version, 2);
        let ids: Vec<EventId> = append.events.iter().map(|event| event.event_id).collect();
        let appended = journal.append(append).await.unwrap();
        assert!(!appended.replayed);
        version = appended.version.0;
        load.acknowledged.lock().unwrap().extend(ids.into_iter().zip(appended.first.0..));
        load.done.fetch_add(1, Ordering::SeqCst);
    }
}

//! The server itself is killed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use contracts::database::Database;
use contracts::journal::{assert_dense, read_all};
use contracts::server::Server;
use contracts::wire::Wire;
use event_log::PostgresJournal;

use super::standby::{Load, write};
use super::{DEADLINE, open, until};

const WRITERS: usize = 8;
const KILLS: usize = 3;
const APPENDS_BETWEEN_KILLS: usize = 100;

/// Killed under load and started again, three times: the same journal object goes on, every command is answered, what
/// was acknowledged is there, once and where it was said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_and_doubles_nothing() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::at(&server.url()).await;
    PostgresJournal::migrate(&database.url).await.unwrap();
    let wire = Wire::to(&database.url).await;
    let journal = open(&wire.through(&database.url)).await;

    let load = Arc::new(Load::default());
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(journal.clone(), Arc::clone(&load)))).collect();
    let mut server = server;
    for kill in 1..=KILLS {
        until("progress", || load.done.load(Ordering::SeqCst) >= kill * APPENDS_BETWEEN_KILLS).await;
        server = tokio::task::spawn_blocking(move || {
            server.kill();
            server.up();
            server
        })
        .await
        .unwrap();
        wire.lead_to(&server.url());
    }
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
    drop(database);
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

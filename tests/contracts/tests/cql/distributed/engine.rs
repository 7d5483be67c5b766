//! A store of the test's own, which is held and killed.

use std::time::{Duration, Instant};

use contracts::keyspace::Keyspace;
use contracts::own::OwnEngine;
use contracts::views::{row, soon};
use views::{Ordinal, ViewError};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_is_told_and_found_again() {
    // Given
    let engine = tokio::task::spawn_blocking(|| OwnEngine::start("cassandra")).await.unwrap();
    let mut keyspace = Keyspace::at(engine.address());
    keyspace.options.request_timeout = Duration::from_secs(2);
    let mut cql = cql_in(keyspace).await;
    let key = RowKey::Card(Ordinal(1));
    cql.put(vec![(key.clone(), Some(row(1, b"acknowledged")))], Position(1)).await;

    // When: it hangs. Then: a read ends in time, and says so.
    engine.pause();
    let begun = Instant::now();
    let hanging = soon(cql.reader().get(&key)).await;
    assert!(matches!(hanging, Err(ViewError::Unavailable { .. })), "{hanging:?}");
    let writing = soon(cql.publisher.publish_rows(vec![published(&key, 2, Some(b"in vain"))])).await;
    assert!(matches!(writing, Err(ViewError::Unavailable { .. })), "{writing:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "two requests of at most 2 s took {:?}", begun.elapsed());
    // Nor does a reader or a publisher that begins wait for longer.
    let begun = Instant::now();
    let opening = soon(CqlViews::open(cql.store.clone(), group())).await;
    assert!(matches!(opening, Err(ViewError::Unavailable { .. })));
    let mut options = cql.keyspace.options.clone();
    options.connect_timeout = Duration::from_secs(2);
    let connecting = soon(CqlStore::connect(options)).await;
    assert!(matches!(connecting, Err(ViewError::Unavailable { .. })));
    assert!(begun.elapsed() < Duration::from_secs(15), "what may take 2 s each took {:?}", begun.elapsed());
    engine.resume();

    // When: it hangs for longer than a write may take, and no longer. Then: nobody notices.
    engine.pause();
    let pause = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        engine.resume();
    };
    let rows = vec![published(&key, 2, Some(b"late"))];
    let (written, ()) = tokio::join!(soon(cql.publisher.publish_rows(rows)), pause);
    written.unwrap();
    cql.put(vec![(key.clone(), Some(row(3, b"acknowledged, too")))], Position(3)).await;

    // When: it is killed right after an acknowledgement. Then: what it acknowledged is there when it is back.
    engine.kill();
    let engine = tokio::task::spawn_blocking(move || {
        engine.up();
        engine
    });
    let gone = soon(cql.reader().get(&key)).await;
    assert!(gone.as_ref().map_or(true, Option::is_some), "an answer that there is no such row: {gone:?}");
    let engine = engine.await.unwrap();
    soon(async {
        while cql.reader().get(&key).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(cql.reader().get(&key).await.unwrap(), Some(row(3, b"acknowledged, too")));
    cql.put(vec![(key.clone(), Some(row(4, b"and it goes on")))], Position(4)).await;
    assert_eq!(cql.reader().get(&key).await.unwrap(), Some(row(4, b"and it goes on")));
    tokio::task::spawn_blocking(|| drop(engine)).await.unwrap();
}

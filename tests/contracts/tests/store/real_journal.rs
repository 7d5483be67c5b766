//! The runner behind a journal that is written to all the while.

use std::sync::Arc;

use contracts::journal::{append_many, business};
use event_log::{EventFeed, Journal, SqliteJournal, SqliteJournalOptions};
use events::Codec;
use projectors::{LmdbProjectionStore, ProjectionGroup};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use views::ViewReader;

use crate::memory_feed::word;
use crate::runner::serving_folder;
use crate::runner::{counting, options, replayed, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_gives_what_a_replay_gives() {
    // Given: a group that follows, is ended in the middle, and follows again.
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db"), SqliteJournalOptions::default()).await.unwrap();
    let feed: Arc<dyn EventFeed> = Arc::new(journal.feed());
    let streams: Vec<_> = (0..12).map(|_| business()).collect();
    let mut versions = vec![0; streams.len()];
    let mut random = StdRng::seed_from_u64(8);
    let mut last = None;
    for round in 0..3 {
        let group = ProjectionGroup::start(options(folder.path()), counting, feed.clone()).await.unwrap();
        for number in 0..60 {
            let one = random.random_range(0..streams.len());
            let mut append = append_many(streams[one], versions[one], random.random_range(1..4));
            for event in &mut append.events {
                let text = if random.random_bool(0.03) { "poison".to_owned() } else { format!("w{round}-{number}") };
                let encoded = Codec::shared().encode(&word(&text));
                (event.event_type, event.schema_version) = (encoded.event_type, encoded.schema_version);
                event.payload = encoded.payload;
            }
            versions[one] += append.events.len() as u64;
            last = Some(journal.append(append).await.unwrap().last);
        }
        if round == 2 {
            soon(group.reader().wait_published(last.unwrap())).await;
            assert!(!group.status().parked.is_empty(), "no poison was drawn");
        }
        group.shutdown().await;
    }

    // Then: the rows, their versions and the state are those of one replay from the beginning.
    let views = serving_folder(folder.path());
    let store = LmdbProjectionStore::open(&views, &options(folder.path()).store).unwrap();
    let fingerprint = store.fingerprint().unwrap();
    assert!(fingerprint.rows >= 11);
    assert_eq!(fingerprint, replayed(feed, move || random.random_range(1..50)).await);
}

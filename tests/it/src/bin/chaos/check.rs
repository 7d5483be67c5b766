//! Holds what there is against what was acknowledged, after all processes ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use contracts::keyspace::{Keyspace, live_rows};
use event_log::{EventFeed, Journal, KafkaEventFeed, KafkaOptions, PostgresJournal, PostgresJournalOptions};
use events::Position;
use it::marked::{Acknowledged, Seen};
use projectors::{
    DIRECTORY_VERSION, DirectoryProjection, Generations, LmdbProjectionStore, ReplayOptions, RunnerOptions,
    StoreOptions, replay,
};
use tokio::runtime::Handle;
use views::Row;

/// The group whose rows are compared.
const GROUP: &str = "directory";
/// Events that are read at once.
const PAGE: usize = 4096;
/// The address space of a store that is looked at.
const MAP_BYTES: usize = 4 << 30;
/// How many events are folded at once: no rows may depend on it.
const BATCH: usize = 97;
/// Longer than Kafka takes to give the next of what it has.
const NEXT_DEADLINE: Duration = Duration::from_secs(30);

type Rows = BTreeMap<Vec<u8>, Row>;

/// What was compared.
pub(crate) struct Checked {
    pub(crate) events: u64,
    pub(crate) rows: usize,
}

/// Every acknowledged command is once in the journal and in the topic, and rows are what a replay gives, in each local store
/// and in the CQL store.
///
/// # Errors
/// Something is lost, doubled or different.
pub(crate) async fn check(
    url: &str,
    brokers: &str,
    keyspace: &Keyspace,
    folders: &[&Path],
    acknowledged: &[Acknowledged],
) -> anyhow::Result<Checked> {
    let journal = PostgresJournal::open(url, PostgresJournalOptions::default()).await.context("opening the journal")?;
    let mut seen = Seen::default();
    let feed = journal.feed();
    let carried = KafkaEventFeed::new(journal.id(), KafkaOptions::new(brokers)).context("reading the topic")?;
    loop {
        let events = feed.read(seen.head(), PAGE).await?;
        if events.is_empty() {
            break;
        }
        let mut from_topic = Vec::new();
        while from_topic.len() < events.len() {
            let after = Position(seen.head().0 + from_topic.len() as u64);
            let next = tokio::time::timeout(NEXT_DEADLINE, async {
                carried.wait_beyond(after).await?;
                carried.read(after, events.len() - from_topic.len()).await
            });
            from_topic.extend(next.await.with_context(|| format!("the topic gives nothing after {after}"))??);
        }
        for (event, carried) in events.iter().zip(&from_topic) {
            ensure!(event == carried, "the topic has another event at {}", event.position);
            seen.take(event)?;
        }
    }
    for one in acknowledged {
        seen.check(one)?;
    }
    let scratch = tempfile::tempdir().context("making a folder")?;
    let options = ReplayOptions {
        group: GROUP.to_owned(),
        folder: scratch.path().join("replayed"),
        until: Some(seen.head()),
        store: StoreOptions { map_bytes: MAP_BYTES, ..StoreOptions::default() },
        runner: RunnerOptions::default(),
    };
    let (handle, feed) = (Handle::current(), Arc::new(feed));
    let replayed = tokio::task::spawn_blocking(move || {
        replay(&handle, feed, Box::new(DirectoryProjection::default()), &options, || BATCH, drop)
    });
    let wanted = rows_of(&replayed.await.context("the thread of the replay")?.context("replaying the journal")?)?;
    journal.close().await;
    for folder in folders {
        let serving = Generations::of(&folder.join("views"), GROUP).serving_folder()?;
        let serving = serving.with_context(|| format!("{} serves nothing", folder.display()))?;
        let options = StoreOptions { map_bytes: MAP_BYTES, index_versions: true, ..StoreOptions::default() };
        same(&wanted, &rows_of(&LmdbProjectionStore::open(&serving, &options)?)?, &folder.display().to_string())?;
    }
    let published = live_rows(keyspace, &format!("{GROUP}_rows_{DIRECTORY_VERSION}")).await;
    same(&wanted, &published, "the CQL store")?;
    Ok(Checked { events: seen.head().0, rows: wanted.len() })
}

fn rows_of(store: &LmdbProjectionStore) -> anyhow::Result<Rows> {
    let mut rows = Rows::new();
    store.for_each_row(|key, row| drop(rows.insert(key.to_vec(), row)))?;
    Ok(rows)
}

fn same(wanted: &Rows, found: &Rows, place: &str) -> anyhow::Result<()> {
    let differ = wanted.iter().filter(|(key, row)| found.get(*key) != Some(*row)).count();
    let more = found.keys().filter(|key| !wanted.contains_key(*key)).count();
    ensure!((differ, more) == (0, 0), "{place}: {differ} rows differ or are missing, {more} should be gone");
    Ok(())
}

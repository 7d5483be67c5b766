//! Rows that a projector published, against those of its own store.

use contracts::directory::{Generator, Mix, Random, Step};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::keyspace::Keyspace;
use contracts::views::{JOURNAL, soon};
use event_log::{EventFeed, JournalError, Turn};
use events::{Codec, JournalId, Position, RecordedEvent};
use projectors::{
    DIRECTORY_VERSION, DirectoryProjection, Generations, GroupHandle, GroupOptions, LmdbProjectionStore,
    ProjectionGroup, Publisher, PublisherOptions, PublisherPorts, RunnerOptions, StoreOptions,
};
use tokio::sync::watch;
use views::ViewSource;
use views::cql::{CqlGroup, CqlViews, ScyllaViewPublishers};

use super::GROUP;

/// A journal of which only the beginning is there yet.
struct Growing {
    events: Vec<RecordedEvent>,
    head: watch::Sender<Position>,
}

#[async_trait]
impl EventFeed for Growing {
    fn journal_id(&self) -> JournalId {
        JOURNAL
    }

    async fn head(&self) -> Result<Position, JournalError> {
        Ok(*self.head.borrow())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, JournalError> {
        let head = *self.head.borrow();
        let beyond = self.events.iter().filter(|event| event.position > after && event.position <= head);
        Ok(beyond.take(limit).cloned().collect())
    }

    async fn wait_beyond(&self, position: Position) -> Result<(), JournalError> {
        self.head.subscribe().wait_for(|head| *head > position).await.unwrap();
        Ok(())
    }
}

fn feed(steps: Vec<Step>) -> Arc<Growing> {
    let record = |step: Step| {
        let encoded = Codec::shared().encode(&step.event);
        let mut event = step.recorded;
        event.header.event_type = encoded.event_type.to_owned();
        event.header.schema_version = encoded.schema_version;
        event.crc32c = event.header.checksum(&encoded.payload);
        event.payload = encoded.payload;
        event
    };
    let events: Vec<_> = steps.into_iter().map(record).collect();
    Arc::new(Growing { events, head: watch::channel(Position::ZERO).0 })
}

async fn group(views: &Path, feed: &Arc<Growing>) -> GroupHandle {
    let options = GroupOptions {
        name: GROUP.to_owned(),
        views_folder: views.to_owned(),
        store: StoreOptions { map_bytes: 1 << 30, index_versions: true, ..StoreOptions::default() },
        runner: RunnerOptions::default(),
    };
    ProjectionGroup::start(options, || Box::new(DirectoryProjection::default()), feed.clone()).await.unwrap()
}

/// Two at once must do no harm.
struct Everyones;

#[async_trait]
impl Turn for Everyones {
    async fn take(&self) -> Result<bool, JournalError> {
        Ok(true)
    }

    async fn give_back(&self) -> Result<(), JournalError> {
        Ok(())
    }
}

fn publisher(group: &GroupHandle, feed: &Arc<Growing>, keyspace: &Keyspace) -> Publisher {
    let options =
        PublisherOptions { rows_per_read: 300, heartbeat: Duration::from_millis(100), ..PublisherOptions::default() };
    let ports = PublisherPorts {
        publishers: Arc::new(ScyllaViewPublishers::new(keyspace.options.clone())),
        journal: feed.clone(),
        turn: Arc::new(Everyones),
    };
    Publisher::start(GROUP, group, ports, options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_a_fixed_log_is_that_of_the_local_store() {
    // Given: two projectors of one journal, each with its own folder, publishing to one keyspace.
    let keyspace = Keyspace::new();
    let (steps, _) = Generator::log(600, Mix::CROWDED, 2_500);
    let feed = feed(steps);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let groups = [group(folders[0].path(), &feed).await, group(folders[1].path(), &feed).await];
    let mut publishers = groups.each_ref().map(|group| publisher(group, &feed, &keyspace));
    // When: events come in bursts, and a publisher is killed now and then, wherever it is.
    let mut random = Random(600);
    let mut head = 0;
    while head < feed.events.len() as u64 {
        head = (head + 1 + random.below(200) as u64).min(feed.events.len() as u64);
        feed.head.send_replace(Position(head));
        if random.below(3) == 0 {
            let one = random.below(2);
            let killed = std::mem::replace(&mut publishers[one], publisher(&groups[one], &feed, &keyspace));
            killed.shutdown().await;
        }
        soon(groups[random.below(2)].views().wait_published(Position(head))).await.unwrap();
    }
    // Then: it is all there, for whoever reads it.
    let store = keyspace.connect().await;
    let views = soon(async {
        loop {
            let group = CqlGroup { name: GROUP.to_owned(), journal_id: None };
            match CqlViews::open(store.clone(), group).await {
                Ok(views) => return views,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    soon(views.wait_published(Position(head))).await.unwrap();
    let status = views.current().status();
    assert_eq!((status.journal_id, status.published), (JOURNAL, Position(head)));
    for publisher in publishers {
        publisher.shutdown().await;
    }
    for group in groups {
        soon(group.views().wait_published(Position(head))).await.unwrap();
        group.shutdown().await;
    }
    let found = contracts::keyspace::live_rows(&keyspace, &format!("{GROUP}_rows_{DIRECTORY_VERSION}")).await;
    for folder in folders {
        let serving = Generations::of(folder.path(), GROUP).serving_folder().unwrap().unwrap();
        let store = LmdbProjectionStore::open(
            &serving,
            &StoreOptions { map_bytes: 1 << 30, index_versions: true, ..StoreOptions::default() },
        )
        .unwrap();
        let mut stored = std::collections::BTreeMap::new();
        store.for_each_row(|key, row| drop(stored.insert(key.to_vec(), row))).unwrap();
        assert!(stored.len() > 3_000, "{} rows", stored.len());
        let differ = stored.iter().filter(|(key, row)| found.get(*key) != Some(*row)).count();
        let more = found.keys().filter(|key| !stored.contains_key(*key)).count();
        assert_eq!((differ, more), (0, 0), "rows that differ or are missing, rows that should be gone");
    }
}

//! The publisher of a group, with a place to publish to that fails when told to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use event_log::{JournalError, Turn};
use events::{JournalId, Position};
use projectors::{
    GroupHandle, GroupHealth, GroupOptions, LmdbProjectionStore, ProjectionGroup, Publisher, PublisherHealth,
    PublisherOptions, PublisherPorts, StoreOptions,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use views::{Publication, PublishedRow, ViewError, ViewPublisher, ViewPublishers, ViewSource};

use crate::counting::{Counting, GROUP, VERSION};
use crate::memory_feed::{MemoryFeed, business, word};
use crate::runner::{self, counting, serving_folder, soon};

type Published = BTreeMap<Vec<u8>, (Position, Option<Bytes>)>;

/// Rows of each generation, of which the higher version holds.
struct Shared {
    rows: Mutex<BTreeMap<u32, Published>>,
    said: watch::Sender<BTreeMap<u32, Publication>>,
    /// All that was ever said, in order.
    history: Mutex<Vec<(u32, Publication)>>,
    /// Who publishes.
    turn: Mutex<Option<usize>>,
    /// Calls that succeed before one fails.
    succeeds: AtomicUsize,
}

impl Shared {
    fn new() -> Arc<Self> {
        let said = watch::channel(BTreeMap::new()).0;
        Arc::new(Self {
            rows: Mutex::default(),
            said,
            history: Mutex::default(),
            turn: Mutex::default(),
            succeeds: AtomicUsize::new(usize::MAX),
        })
    }

    fn answer(&self) -> Result<(), ViewError> {
        let answers = |left: usize| if left == usize::MAX { Some(left) } else { left.checked_sub(1) };
        match self.succeeds.fetch_update(Ordering::SeqCst, Ordering::SeqCst, answers) {
            Ok(_) => Ok(()),
            Err(_) => Err(ViewError::Unavailable { operation: "publish", reason: "told to fail".to_owned() }),
        }
    }

    fn answers_again(&self) {
        self.succeeds.store(usize::MAX, Ordering::SeqCst);
    }

    async fn comes_to(&self, version: u32, position: Position) -> Publication {
        let mut said = self.said.subscribe();
        let reached = said.wait_for(|said| said.get(&version).is_some_and(|said| said.position >= position));
        soon(async { reached.await.map(|said| said[&version].clone()) }).await
    }
}

struct OfGeneration(Arc<Shared>, u32);

struct Publishers(Arc<Shared>);

#[async_trait]
impl ViewPublishers for Publishers {
    async fn connect(&self) -> Result<(), ViewError> {
        Ok(())
    }

    async fn open(&self, group: &str, version: u32, _: JournalId) -> Result<Arc<dyn ViewPublisher>, ViewError> {
        assert_eq!(group, GROUP);
        self.0.answer()?;
        Ok(Arc::new(OfGeneration(self.0.clone(), version)))
    }
}

#[async_trait]
impl ViewPublisher for OfGeneration {
    async fn published(&self) -> Result<Option<Publication>, ViewError> {
        self.0.answer()?;
        Ok(self.0.said.borrow().get(&self.1).cloned())
    }

    async fn readers_have(&self) -> Result<Option<Position>, ViewError> {
        self.0.answer()?;
        let said = self.0.said.borrow();
        Ok(said.values().rfind(|said| said.served).map(|said| said.position))
    }

    async fn publish_rows(&self, rows: Vec<PublishedRow>) -> Result<(), ViewError> {
        for PublishedRow { key, version, body } in rows {
            self.0.answer()?;
            let mut generations = self.0.rows.lock().unwrap();
            let known = generations.entry(self.1).or_default().entry(key).or_insert((Position::ZERO, None));
            if known.0 < version {
                *known = (version, body);
            }
        }
        Ok(())
    }

    async fn publish(&self, publication: &Publication) -> Result<(), ViewError> {
        self.0.answer()?;
        self.0.said.send_if_modified(|said| {
            let goes_back = said.get(&self.1).is_some_and(|known| known.position > publication.position);
            if !goes_back {
                let was_served = said.get(&self.1).is_some_and(|known| known.served);
                let served = publication.served || was_served;
                said.insert(self.1, Publication { served, ..publication.clone() });
            }
            !goes_back
        });
        self.0.history.lock().unwrap().push((self.1, publication.clone()));
        Ok(())
    }
}

fn options(views: &Path) -> GroupOptions {
    let options = runner::options(views);
    GroupOptions { store: StoreOptions { index_versions: true, ..options.store.clone() }, ..options }
}

async fn start(views: &Path, feed: &Arc<MemoryFeed>) -> GroupHandle {
    ProjectionGroup::start(options(views), counting, feed.clone()).await.unwrap()
}

/// One of those who take turns.
struct One(Arc<Shared>, usize);

#[async_trait]
impl Turn for One {
    async fn take(&self) -> Result<bool, JournalError> {
        Ok(*self.0.turn.lock().unwrap().get_or_insert(self.1) == self.1)
    }

    async fn give_back(&self) -> Result<(), JournalError> {
        self.0.turn.lock().unwrap().take_if(|one| *one == self.1);
        Ok(())
    }
}

fn publisher(group: &GroupHandle, feed: &Arc<MemoryFeed>, shared: &Arc<Shared>) -> Publisher {
    publisher_of(0, group, feed, shared)
}

fn publisher_of(one: usize, group: &GroupHandle, feed: &Arc<MemoryFeed>, shared: &Arc<Shared>) -> Publisher {
    let options = PublisherOptions {
        rows_per_read: 7,
        heartbeat: Duration::from_millis(20),
        retry_backoff: Duration::from_millis(1),
        keep_turn_every: Duration::from_millis(5),
        standby_look: Duration::from_millis(5),
        ..PublisherOptions::default()
    };
    let ports = PublisherPorts {
        publishers: Arc::new(Publishers(shared.clone())),
        journal: feed.clone(),
        turn: Arc::new(One(shared.clone(), one)),
    };
    Publisher::start(GROUP, group, ports, options)
}

/// What a store holds, as it ought to be published.
fn stored(views: &Path) -> Published {
    let store = LmdbProjectionStore::open(&serving_folder(views), &options(views).store).unwrap();
    let mut rows = Published::new();
    store.for_each_row(|key, row| drop(rows.insert(key.to_vec(), (row.version, Some(row.body))))).unwrap();
    rows
}

fn push(feed: &MemoryFeed, random: &mut StdRng) -> Position {
    feed.push(business(random.random_range(0..40)), &word(&format!("w{}", random.random_range(0..9))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_anywhere_is_followed_by_one_that_misses_nothing() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(21);
    let groups = [start(first.path(), &feed).await, start(second.path(), &feed).await];
    // When: replicas take turns at publishing while events come, and each is killed after a few rows, or fails there.
    for round in 0..60 {
        let head = (0..random.random_range(1..40)).map(|_| push(&feed, &mut random)).last().unwrap();
        let group = &groups[round % 2];
        soon(async { group.views().wait_published(head).await }).await;
        shared.succeeds.store(random.random_range(0..30), Ordering::SeqCst);
        let publisher = publisher(group, &feed, &shared);
        let mut health = publisher.health();
        let over = health.wait_for(|h| matches!(h, PublisherHealth::Stalled { .. } | PublisherHealth::Live));
        soon(async { over.await.map(drop) }).await;
        if random.random_bool(0.5) {
            shared.answers_again();
            shared.comes_to(VERSION, head).await;
        }
        publisher.shutdown().await;
    }
    shared.answers_again();
    let head = push(&feed, &mut random);
    let last = publisher(&groups[1], &feed, &shared);
    let said = shared.comes_to(VERSION, head).await;
    // Then
    assert_eq!((said.position, said.served), (head, true));
    last.shutdown().await;
    for group in groups {
        group.shutdown().await;
    }
    assert!(shared.rows.lock().unwrap()[&VERSION] == stored(first.path()), "published is not what is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restored_store_lost_is_published_again() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(22);
    let group = start(folder.path(), &feed).await;
    let publisher = publisher(&group, &feed, &shared);
    let mut old = None;
    for round in 0..50 {
        let head = push(&feed, &mut random);
        let said = shared.comes_to(VERSION, head).await;
        if round == 20 {
            old = Some((shared.rows.lock().unwrap().clone(), said));
        }
    }
    let head = push(&feed, &mut random);
    shared.comes_to(VERSION, head).await;
    // When: it is what it was thirty events ago, and nothing happens any more.
    let (rows, said) = old.unwrap();
    *shared.rows.lock().unwrap() = rows;
    shared.said.send_replace(BTreeMap::from([(VERSION, said)]));
    // Then
    shared.comes_to(VERSION, head).await;
    publisher.shutdown().await;
    group.shutdown().await;
    assert!(shared.rows.lock().unwrap()[&VERSION] == stored(folder.path()), "published is not what is stored");
}

/// Another version of the projection is another generation there, too; and readers get it when it is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_is_served_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(23);
    let head = (0..200).map(|_| push(&feed, &mut random)).last().unwrap();
    let group = start(folder.path(), &feed).await;
    let mut live = group.health();
    soon(live.wait_for(|health| *health == GroupHealth::Live)).await;
    let first = publisher(&group, &feed, &shared);
    let mut said = shared.said.subscribe();
    let served = said.wait_for(|said| said.get(&VERSION).is_some_and(|said| said.position >= head && said.served));
    soon(async { served.await.map(drop) }).await;
    first.shutdown().await;
    group.shutdown().await;

    let newer = || -> Box<dyn projectors::Projection> { Box::new(Counting::of_version(VERSION + 1)) };
    let group = ProjectionGroup::start(options(folder.path()), newer, feed.clone()).await.unwrap();
    // Given: another projector by the old rules, which is ahead of this one.
    let ahead = Position(head.0 + 60);
    shared.said.send_modify(|said| said.get_mut(&VERSION).unwrap().position = ahead);
    let publisher = publisher(&group, &feed, &shared);
    let next = push(&feed, &mut random);
    shared.comes_to(VERSION + 1, next).await;
    while push(&feed, &mut random) < Position(ahead.0 + 5) {}
    // Then
    let mut said = shared.said.subscribe();
    let served = said.wait_for(|said| said.get(&(VERSION + 1)).is_some_and(|said| said.served));
    soon(async { served.await.map(drop) }).await;
    shared.comes_to(VERSION + 1, Position(ahead.0 + 5)).await;
    publisher.shutdown().await;
    group.shutdown().await;
    assert!(shared.rows.lock().unwrap()[&(VERSION + 1)] == stored(folder.path()), "published is not what is stored");
    let history = shared.history.lock().unwrap();
    for version in [VERSION, VERSION + 1] {
        let said: Vec<_> = history.iter().filter(|(of, _)| *of == version).map(|(_, said)| said).collect();
        assert!(!said[0].served, "as version {version}: what took many reads is old when it is there");
        assert!(said.is_sorted_by_key(|said| (said.served, said.position)), "as version {version}: taken back");
    }
    let first = history.iter().find(|(version, said)| *version == VERSION + 1 && said.served).unwrap();
    assert!(first.1.position >= ahead, "readers went back from {ahead} to {}", first.1.position);
}

/// Its machines lost power, and what they had acknowledged in the last seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_acknowledged_and_lost_is_published_again_by_whoever_begins() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(25);
    let head = (0..100).map(|_| push(&feed, &mut random)).last().unwrap();
    let group = start(folder.path(), &feed).await;
    let first = publisher(&group, &feed, &shared);
    shared.comes_to(VERSION, head).await;
    let health = first.health();
    first.shutdown().await;
    assert_eq!(*health.borrow(), PublisherHealth::Stopped);
    shared.rows.lock().unwrap().get_mut(&VERSION).unwrap().retain(|_, _| random.random_bool(0.5));
    let next = publisher(&group, &feed, &shared);
    let mut health = next.health();
    soon(async { health.wait_for(|health| *health == PublisherHealth::Live).await.map(drop) }).await;
    next.shutdown().await;
    group.shutdown().await;
    assert!(shared.rows.lock().unwrap()[&VERSION] == stored(folder.path()), "published is not what is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_publishes_and_another_one_goes_on_when_it_ends() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(26);
    let groups = [start(first.path(), &feed).await, start(second.path(), &feed).await];
    let publishes = publisher_of(1, &groups[0], &feed, &shared);
    shared.comes_to(VERSION, push(&feed, &mut random)).await;
    // When: there is a second one. Then: it stands by, and says so.
    let stands_by = publisher_of(2, &groups[1], &feed, &shared);
    let mut health = stands_by.health();
    let is = |health: &PublisherHealth| matches!(health, PublisherHealth::Standby | PublisherHealth::Live);
    assert_eq!(*soon(health.wait_for(is)).await, PublisherHealth::Standby);
    shared.comes_to(VERSION, push(&feed, &mut random)).await;
    assert_eq!(*health.borrow(), PublisherHealth::Standby);
    // When: the first one ends. Then: the second one publishes.
    publishes.shutdown().await;
    shared.comes_to(VERSION, push(&feed, &mut random)).await;
    soon(health.wait_for(|health| *health == PublisherHealth::Live)).await;
    // When: its turn is another's without its knowing, as after a pause. Then: it notices.
    *shared.turn.lock().unwrap() = Some(3);
    soon(health.wait_for(|health| *health == PublisherHealth::Standby)).await;
    stands_by.shutdown().await;
    assert_eq!(*shared.turn.lock().unwrap(), Some(3), "what is another's was given back");
    for group in groups {
        group.shutdown().await;
    }
}

/// A folder that was filled without an index does not know what it removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_made_without_an_index_are_made_anew_before_they_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let feed = Arc::new(MemoryFeed::new(1, Vec::new()));
    let shared = Shared::new();
    let mut random = StdRng::seed_from_u64(24);
    let head = (0..50).map(|_| push(&feed, &mut random)).last().unwrap();
    let embedded = runner::start(folder.path(), &feed).await;
    soon(async { embedded.views().wait_published(head).await }).await;
    embedded.shutdown().await;
    let before = serving_folder(folder.path());

    let group = start(folder.path(), &feed).await;
    let publisher = publisher(&group, &feed, &shared);
    let mut said = shared.said.subscribe();
    let served = said.wait_for(|said| said.get(&VERSION).is_some_and(|said| said.position == head && said.served));
    soon(async { served.await.map(drop) }).await;
    publisher.shutdown().await;
    group.shutdown().await;
    assert_ne!(serving_folder(folder.path()), before);
    assert!(shared.rows.lock().unwrap()[&VERSION] == stored(folder.path()), "published is not what is stored");
}

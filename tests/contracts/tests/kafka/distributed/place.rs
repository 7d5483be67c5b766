//! A journal in PostgreSQL and its topic, with everything that a test does to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contracts::database::Database;
use contracts::journal::{append_many, business, read_all};
use event_log::{
    EventFeed, Journal, JournalError, KafkaEventFeed, KafkaOptions, PostgresJournal, PostgresJournalOptions, Relay,
    RelayHealth, RelayOptions, RelayStatus,
};
use events::{CategoryDefined, Codec, Event, Position, RecordedEvent};
use futures::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message, OwnedHeaders};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::DEADLINE;

/// Events of one append.
const EVENTS_AT_ONCE: usize = 10;
const WRITERS: usize = 4;
/// Short, so that a test can wait it out several times.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A journal of a test's own, and how its topic is reached.
pub(super) struct Place {
    pub(super) database: Database,
    pub(super) journal: PostgresJournal,
    pub(super) kafka: KafkaOptions,
}

impl Place {
    pub(super) async fn new(brokers: String) -> Self {
        let database = Database::new().await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
        Self { database, journal, kafka: KafkaOptions { answer_timeout: ANSWER_WITHIN, ..KafkaOptions::new(brokers) } }
    }

    pub(super) fn topic(&self) -> String {
        format!("lawless.{}.events", self.journal.id())
    }

    pub(super) fn relay(&self) -> Relay {
        Relay::start(self.journal.clone(), self.kafka.clone(), RelayOptions::default())
    }

    pub(super) fn feed(&self) -> KafkaEventFeed {
        KafkaEventFeed::new(self.journal.id(), self.kafka.clone()).unwrap()
    }

    /// Appends so many events, a multiple of ten.
    pub(super) async fn append(&self, events: usize) {
        for _ in 0..events / EVENTS_AT_ONCE {
            self.journal.append(append_many(business(), 0, EVENTS_AT_ONCE)).await.unwrap();
        }
    }

    /// Appends an event that means something; gives it as it is stored, and what it means.
    pub(super) async fn append_real(&self) -> (RecordedEvent, Event) {
        let names = [("en".to_owned(), "Dive bar".to_owned())].into();
        let event = Event::CategoryDefined(CategoryDefined { slug: "dive-bar".to_owned(), parent: None, names });
        let encoded = Codec::shared().encode(&event);
        let mut append = append_many(business(), 0, 1);
        append.events[0].event_type = encoded.event_type;
        append.events[0].schema_version = encoded.schema_version;
        append.events[0].payload = encoded.payload;
        self.journal.append(append).await.unwrap();
        (read_all(&self.journal.feed()).await.remove(0), event)
    }

    pub(super) async fn head(&self) -> Position {
        self.journal.feed().head().await.unwrap()
    }

    /// Appends all the time, until it is told that it is enough.
    pub(super) fn load(&self) -> Load {
        let (enough, appended) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        let write = |journal: PostgresJournal, enough: Arc<AtomicBool>, appended: Arc<AtomicUsize>| async move {
            while !enough.load(Ordering::SeqCst) {
                journal.append(append_many(business(), 0, EVENTS_AT_ONCE)).await.unwrap();
                appended.fetch_add(EVENTS_AT_ONCE, Ordering::SeqCst);
            }
        };
        let writers = (0..WRITERS)
            .map(|_| tokio::spawn(write(self.journal.clone(), Arc::clone(&enough), Arc::clone(&appended))))
            .collect();
        Load { enough, appended, writers }
    }

    /// Follows from a position on, as projectors do, until it has come to another one: nothing is passed over, nothing
    /// is given twice, and all of it is what the journal has.
    pub(super) async fn follow(&self, feed: &KafkaEventFeed, after: Position, to: Position) {
        let mut followed: Vec<RecordedEvent> = Vec::new();
        let following = async {
            let mut last = after;
            while last < to {
                match feed.read(last, 1_000).await {
                    Ok(events) => {
                        last = events.last().map_or(last, |event| event.position);
                        followed.extend(events);
                    }
                    Err(JournalError::Unavailable { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let followed_in_time = tokio::time::timeout(DEADLINE, following).await;
        assert!(followed_in_time.is_ok(), "only {} of {after} to {to} came", followed.len());
        let journal = read_all(&self.journal.feed()).await;
        let (from, to) = (usize::try_from(after.0).unwrap(), usize::try_from(to.0).unwrap());
        assert!(followed == journal[from..to], "what came is not what the journal has");
    }

    /// All records of the topic.
    pub(super) async fn records(&self) -> Vec<RawRecord> {
        let (brokers, topic) = (self.kafka.brokers.clone(), self.topic());
        tokio::task::spawn_blocking(move || read_topic(&brokers, &topic)).await.unwrap()
    }

    /// The topic by itself is whole: whatever was written twice, nothing was ever written before what comes before it.
    pub(super) async fn assert_topic_has_no_hole(&self, to: Position) {
        let mut last = 0;
        for record in self.records().await {
            let Some(position) = record.position else { continue };
            assert!(position <= last + 1, "offset {} has position {position} after {last}", record.offset);
            last = last.max(position);
        }
        assert_eq!(last, to.0, "the end of the topic");
    }
}

/// Appends that go on beside a test.
pub(super) struct Load {
    enough: Arc<AtomicBool>,
    appended: Arc<AtomicUsize>,
    writers: Vec<JoinHandle<()>>,
}

impl Load {
    /// How many events were acknowledged.
    pub(super) fn appended(&self) -> usize {
        self.appended.load(Ordering::SeqCst)
    }

    /// Ends it; every append was acknowledged.
    pub(super) async fn end(self) {
        self.enough.store(true, Ordering::SeqCst);
        for writer in join_all(self.writers).await {
            writer.unwrap();
        }
    }
}

/// A record as it lies in the topic.
pub(super) struct RawRecord {
    pub(super) offset: i64,
    /// None for a watermark.
    pub(super) position: Option<u64>,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) headers: OwnedHeaders,
}

impl RawRecord {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().unwrap().detach();
        let header = |name: &str| {
            let value = headers.iter().find(|header| header.key == name).and_then(|header| header.value);
            String::from_utf8(value.unwrap_or_default().to_vec()).unwrap()
        };
        let is_event = header("ce_type") != "lawless.Watermark";
        Self {
            offset: message.offset(),
            position: is_event.then(|| header("ce_position").parse().unwrap()),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().unwrap_or_default().to_vec(),
            headers,
        }
    }
}

/// Settings of a client of the tests.
pub(super) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("allow.auto.create.topics", "false");
    config
}

fn read_topic(brokers: &str, topic: &str) -> Vec<RawRecord> {
    let consumer: BaseConsumer = client(brokers).set("group.id", "tests").create().unwrap();
    let (start, end) = consumer.fetch_watermarks(topic, 0, DEADLINE).unwrap();
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(start)).unwrap();
    consumer.assign(&place).unwrap();
    let mut records: Vec<RawRecord> = Vec::new();
    let begun = Instant::now();
    while records.last().map_or(start, |record| record.offset + 1) < end {
        assert!(begun.elapsed() < DEADLINE, "only {} records of {start} to {end} come", records.len());
        // None is also what it gives when something else than a record came.
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            records.push(RawRecord::of(&message.unwrap()));
        }
    }
    records
}

/// Hears everything that goes wrong with a relay.
pub(super) struct Troubles(JoinHandle<Vec<String>>);

impl Troubles {
    /// From now on.
    pub(super) fn of(relay: &Relay) -> Self {
        let mut status = relay.status();
        Self(tokio::spawn(async move {
            let mut reasons = Vec::new();
            loop {
                reasons.extend(status.borrow_and_update().health.reason().map(str::to_owned));
                if status.changed().await.is_err() {
                    return reasons;
                }
            }
        }))
    }

    /// What it said until it was shut down.
    pub(super) async fn told(self) -> Vec<String> {
        self.0.await.unwrap()
    }
}

/// Waits for a state of the relay; gives what it says.
pub(super) async fn fares(relay: &Relay, what: impl Fn(&RelayStatus) -> bool) -> RelayStatus {
    let mut status: watch::Receiver<RelayStatus> = relay.status();
    match tokio::time::timeout(DEADLINE, status.wait_for(&what)).await {
        Ok(status) => status.unwrap().clone(),
        Err(_) => panic!("the relay never fares so, but {:?}", relay.status().borrow()),
    }
}

/// Waits until the relay halts; gives the words.
pub(super) async fn halts(relay: &Relay) -> String {
    let status = fares(relay, |status| matches!(status.health, RelayHealth::Halted { .. })).await;
    status.health.reason().unwrap().to_owned()
}

/// Waits until the relay has brought everything to Kafka.
pub(super) async fn relayed(relay: &Relay, to: Position) {
    fares(relay, |status| status.relayed >= to).await;
}

/// Reads until the feed says that something is wrong; nothing is given out meanwhile.
pub(super) async fn refused(feed: &KafkaEventFeed, after: Position) -> String {
    let refusal = async {
        loop {
            match feed.read(after, 1_000).await {
                Ok(events) if events.is_empty() => tokio::time::sleep(Duration::from_millis(20)).await,
                Ok(events) => panic!("{} events were given out after {after}", events.len()),
                Err(error) => return error.to_string(),
            }
        }
    };
    tokio::time::timeout(DEADLINE, refusal).await.expect("the feed says nothing")
}

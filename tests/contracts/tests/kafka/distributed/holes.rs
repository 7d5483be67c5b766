//! Records that are missing, because somebody removed them or because the broker refused them.

use contracts::services;
use event_log::{EventFeed, RelayHealth};
use events::Position;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::DEADLINE;
use super::place::{Place, RawRecord, client, fares, refused, relayed};

async fn write(place: &Place, records: impl Iterator<Item = &RawRecord>) {
    let producer: FutureProducer = client(&place.kafka.brokers).create().unwrap();
    for record in records {
        let topic = place.topic();
        let outgoing = FutureRecord::to(&topic).partition(0).key(&record.key).payload(&record.value);
        producer.send(outgoing.headers(record.headers.clone()), DEADLINE).await.unwrap();
    }
}

/// What a topic had, to be written again in any order.
struct Saved(Vec<RawRecord>);

impl Saved {
    fn between(&self, from: u64, to: u64) -> impl Iterator<Item = &RawRecord> {
        self.0.iter().filter(move |record| record.position.is_some_and(|position| (from..=to).contains(&position)))
    }
}

/// An empty topic in place of one that had all events of the journal, and what that had. No relay runs.
async fn emptied(place: &Place, events: usize) -> Saved {
    let relay = place.relay();
    place.append(events).await;
    relayed(&relay, Position(events as u64)).await;
    relay.shutdown().await;
    let saved = Saved(place.records().await);
    let admin: AdminClient<DefaultClientContext> = client(&place.kafka.brokers).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    admin.delete_topics(&[&place.topic()], &options).await.unwrap().remove(0).unwrap();
    let topic = place.topic();
    let anew = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    let made = async { while admin.create_topics([&anew], &options).await.unwrap().remove(0).is_err() {} };
    tokio::time::timeout(DEADLINE, made).await.expect("it is made");
    saved
}

/// A relay that was late wrote again what another one had written long before: whoever begins in the midst of that finds
/// what comes next, although it stands further in front.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_begins_in_what_was_written_twice_misses_nothing() {
    let place = Place::new(services::kafka()).await;
    let saved = emptied(&place, 40).await;
    write(&place, saved.between(1, 20).chain(saved.between(5, 10)).chain(saved.between(21, 40))).await;
    for after in [0, 4, 5, 9, 10, 12, 19, 20, 25, 39] {
        place.follow(&place.feed(), Position(after), Position(40)).await;
    }
}

/// 1 to 10, then 13: a follower stops at 10 and says why; when 11 to 13 come, it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_never_passes_a_gap_and_goes_on_when_it_is_filled() {
    let place = Place::new(services::kafka()).await;
    let saved = emptied(&place, 20).await;
    write(&place, saved.between(1, 10).chain(saved.between(13, 15))).await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, Position(10)).await;
    let words = refused(&feed, Position(10)).await;
    assert!(words.contains("hole") && words.contains("13") && words.contains("11"), "{words}");

    // One that is there already, and one that comes.
    write(&place, saved.between(11, 20)).await;
    place.follow(&feed, Position(10), Position(20)).await;
    place.follow(&place.feed(), Position::ZERO, Position(20)).await;
    assert_eq!(feed.head().await.unwrap(), Position(20));
}

/// The broker refuses records from here on, in the midst of a load: nothing that comes after a refused one gets into the
/// topic, the relay says why, and goes on when the broker takes them again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_the_broker_refuses_leaves_no_gap() {
    let place = Place::new(services::kafka()).await;
    let relay = place.relay();
    let load = place.load();
    fares(&relay, |status| status.relayed >= Position(200)).await;
    let admin: AdminClient<DefaultClientContext> = client(&place.kafka.brokers).create().unwrap();
    let topic = place.topic();
    // A single event is larger, so that every batch is refused; and then only large ones, while small ones pass.
    for limit in ["100", "2000"] {
        // All settings are replaced, so that those are named that the relay wants.
        let config =
            AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.ms", "-1").set("retention.bytes", "-1");
        let limited = config.set("cleanup.policy", "delete").set("unclean.leader.election.enable", "false");
        let limited = limited.set("max.message.bytes", limit);
        admin.alter_configs([&limited], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        let status = fares(&relay, |status| matches!(status.health, RelayHealth::Stalled { .. })).await;
        let words = status.health.reason().unwrap().to_owned();
        assert!(words.contains("was not written") && words.contains("large"), "{words}");
        let unlimited =
            AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.ms", "-1").set("retention.bytes", "-1");
        let unlimited = unlimited.set("cleanup.policy", "delete").set("unclean.leader.election.enable", "false");
        admin.alter_configs([&unlimited], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        let before = status.relayed;
        fares(&relay, |status| status.health == RelayHealth::Relaying && status.relayed.0 > before.0 + 500).await;
    }
    load.end().await;
    let head = place.head().await;
    place.follow(&place.feed(), Position::ZERO, head).await;
    place.assert_topic_has_no_hole(head).await;
    relay.shutdown().await;
}

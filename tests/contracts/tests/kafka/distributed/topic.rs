//! Topics that are cut off, or made anew by somebody else.

use contracts::services;
use event_log::{Relay, refill};
use events::Position;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use super::place::{Place, client, fares, halts, refused, relayed};
use super::{DEADLINE, until};

const EVENTS: usize = 50;
const HEAD: Position = Position(50);

/// A topic with fifty events, and whoever relayed them.
async fn filled() -> (Place, Relay) {
    let place = Place::new(services::kafka()).await;
    let relay = place.relay();
    place.append(EVENTS).await;
    relayed(&relay, HEAD).await;
    (place, relay)
}

fn admin(place: &Place) -> (AdminClient<DefaultClientContext>, AdminOptions) {
    let options = AdminOptions::new().request_timeout(Some(DEADLINE)).operation_timeout(Some(DEADLINE));
    (client(&place.kafka.brokers).create().unwrap(), options)
}

/// Makes the topic anew, as an operator would who knows what it needs and not what was in it.
async fn make_anew(place: &Place) {
    let (admin, options) = admin(place);
    let topic = place.topic();
    admin.delete_topics(&[&topic], &options).await.unwrap().remove(0).unwrap();
    let anew = NewTopic::new(&topic, 1, TopicReplication::Fixed(1))
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1")
        .set("unclean.leader.election.enable", "false");
    let made = async {
        // Its removal takes a moment.
        while admin.create_topics([&anew], &options).await.unwrap().remove(0).is_err() {}
    };
    tokio::time::timeout(DEADLINE, made).await.expect("it is made");
}

/// After a refill everything is there again from the first event on, and followers go on where they were.
async fn mended(place: &Place, relay: &Relay, followed: Position) {
    refill(&place.journal, &place.kafka).await.unwrap();
    let head = place.head().await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, head).await;
    place.follow(&feed, followed, head).await;
    fares(relay, |status| status.health.reason().is_none()).await;
    place.assert_topic_has_no_hole(head).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_cut_off_halts_with_words_and_is_filled_again() {
    let (place, relay) = filled().await;
    relay.shutdown().await;
    let (admin, options) = admin(&place);
    let mut cut = TopicPartitionList::new();
    cut.add_partition_offset(&place.topic(), 0, Offset::Offset(20)).unwrap();
    admin.delete_records(&cut, &options).await.unwrap();

    // Who is beyond goes on; who begins is given nothing, not what comes after the cut.
    let feed = place.feed();
    place.follow(&feed, Position(30), HEAD).await;
    let words = refused(&feed, Position::ZERO).await;
    assert!(words.contains("cut off"), "{words}");
    let relay = place.relay();
    let words = halts(&relay).await;
    assert!(words.contains("first 20 records") && words.contains("relay refill"), "{words}");

    place.append(10).await;
    mended(&place, &relay, Position(30)).await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_made_anew_halts_with_words_and_is_filled_again() {
    let (place, relay) = filled().await;
    // How far it had come is written down from time to time.
    let told = || async {
        let mut connection = place.database.connect().await;
        let position: i64 = sqlx::query_scalar("SELECT position FROM leases").fetch_one(&mut connection).await.unwrap();
        position == i64::try_from(EVENTS).unwrap()
    };
    tokio::time::timeout(DEADLINE, async { while !told().await {} }).await.expect("it tells how far it has come");
    relay.shutdown().await;
    make_anew(&place).await;

    let relay = place.relay();
    let words = halts(&relay).await;
    assert!(words.contains("empty") && words.contains("50") && words.contains("relay refill"), "{words}");
    place.append(10).await;
    mended(&place, &relay, HEAD).await;
    relay.shutdown().await;
}

/// The relay that runs writes into the new topic what comes next, which is not its first event: nobody is given any of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_under_a_running_relay_gives_nobody_a_gap() {
    let (place, relay) = filled().await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, HEAD).await;
    make_anew(&place).await;
    place.append(10).await;

    // A follower that was there is given what comes next or words, one that begins words; never anything out of order.
    let beginner = place.feed();
    let words = refused(&beginner, Position::ZERO).await;
    assert!(!words.is_empty());
    let status = relay.status();
    until("the relay to notice", || status.borrow().health.reason().is_some() || status.borrow().relayed.0 > 50).await;
    relay.shutdown().await;
    let relay = place.relay();
    let words = halts(&relay).await;
    assert!(words.contains("relay refill"), "{words}");
    mended(&place, &relay, HEAD).await;
    relay.shutdown().await;
}

//! Topics that are cut off, or made anew by somebody else.

use std::time::Duration;

use contracts::services;
use event_log::{EventFeed, JournalError, KafkaEventFeed, Relay, RelayOptions, refill};
use events::Position;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::DEADLINE;
use super::place::{Place, client, fares, halts, refused, relayed};

const EVENTS: usize = 50;
const HEAD: Position = Position(50);

/// librdkafka by itself takes half a minute.
const SOON: Duration = Duration::from_secs(10);

/// A relay that sends nothing but events.
fn quiet() -> RelayOptions {
    RelayOptions { watermark_every: DEADLINE * 2, ..RelayOptions::default() }
}

/// A topic with fifty events, and whoever relayed them.
async fn filled() -> (Place, Relay) {
    filled_by(RelayOptions::default()).await
}

async fn filled_by(options: RelayOptions) -> (Place, Relay) {
    let place = Place::new(services::kafka()).await;
    let relay = Relay::start(place.journal.clone(), place.kafka.clone(), options);
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
        // Its removal takes a moment, and a relay that runs may be quicker.
        while let Err((_, code)) = admin.create_topics([&anew], &options).await.unwrap().remove(0) {
            if code == RDKafkaErrorCode::TopicAlreadyExists {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, made).await.expect("it is made");
}

/// How far the relay has come is written down from time to time.
async fn told(place: &Place) {
    let told = || async {
        let mut connection = place.database.connect().await;
        let position: i64 = sqlx::query_scalar("SELECT position FROM leases").fetch_one(&mut connection).await.unwrap();
        position == i64::try_from(EVENTS).unwrap()
    };
    tokio::time::timeout(DEADLINE, async { while !told().await {} }).await.expect("it tells how far it has come");
}

/// As [`halts`], in a few seconds.
async fn halts_soon(relay: &Relay) -> String {
    let words = tokio::time::timeout(SOON, halts(relay)).await;
    words.unwrap_or_else(|_| panic!("it says {:?}", relay.status().borrow()))
}

/// Reads until the feed says that its place is none any more.
async fn loses_its_place(feed: &KafkaEventFeed, after: Position) {
    let lost = async {
        while !matches!(feed.read(after, 1_000).await, Err(JournalError::Corrupt { .. })) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, lost).await.expect("the feed notices nothing");
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
    told(&place).await;
    relay.shutdown().await;
    make_anew(&place).await;

    let relay = place.relay();
    let words = halts(&relay).await;
    assert!(words.contains("empty") && words.contains("50") && words.contains("relay refill"), "{words}");
    place.append(10).await;
    mended(&place, &relay, HEAD).await;
    relay.shutdown().await;
}

/// The relay that runs writes into the new topic what comes next, which is not its first event: nobody is given any of it,
/// and the relay says so with the first record that it gets through, long before it looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_under_a_running_relay_gives_nobody_a_gap() {
    let (place, relay) = filled_by(RelayOptions { topic_look: DEADLINE * 2, ..RelayOptions::default() }).await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, HEAD).await;
    make_anew(&place).await;
    place.append(10).await;
    let words = halts_soon(&relay).await;
    assert!(words.contains("begins with position 51") && words.contains("relay refill"), "{words}");

    // A follower that was there is given what comes next or words, one that begins words; never anything out of order.
    let words = refused(&place.feed(), Position::ZERO).await;
    assert!(words.contains("hole") && words.contains("51"), "{words}");
    mended(&place, &relay, HEAD).await;
    relay.shutdown().await;
}

/// Nothing is to be sent, so that only looking tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_runs_soon_says_that_the_topic_is_gone_or_cut_off() {
    let (place, relay) = filled_by(quiet()).await;
    told(&place).await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, HEAD).await;
    let (admin, options) = admin(&place);
    admin.delete_topics(&[&place.topic()], &options).await.unwrap().remove(0).unwrap();
    let words = halts_soon(&relay).await;
    assert!(words.contains("empty") && words.contains("50") && words.contains("relay refill"), "{words}");
    loses_its_place(&feed, HEAD).await;
    mended(&place, &relay, HEAD).await;
    // Whoever asks again, as projections do, finds its place again.
    place.append(10).await;
    place.follow(&feed, HEAD, Position(60)).await;

    let mut cut = TopicPartitionList::new();
    cut.add_partition_offset(&place.topic(), 0, Offset::Offset(20)).unwrap();
    admin.delete_records(&cut, &options).await.unwrap();
    let words = halts_soon(&relay).await;
    assert!(words.contains("first 20 records") && words.contains("relay refill"), "{words}");
    mended(&place, &relay, HEAD).await;
    relay.shutdown().await;
}

//! Brokers that stand still, or die.

use std::time::{Duration, Instant};

use contracts::own::OwnEngine;
use event_log::{EventFeed, KafkaEventFeed, RelayHealth};
use events::Position;

use super::place::{Place, Troubles, fares};
use super::until;

/// More than twice the time after which Kafka counts as away.
const HELD_FOR: Duration = Duration::from_secs(5);
const KILLS: usize = 3;
/// Long enough for any machine; only waited out when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);
const RELAYED_BETWEEN_KILLS: u64 = 300;

/// A broker of this test's own.
async fn own_broker() -> OwnEngine {
    tokio::task::spawn_blocking(|| OwnEngine::start("kafka")).await.unwrap()
}

async fn gone(broker: OwnEngine) {
    tokio::task::spawn_blocking(move || drop(broker)).await.unwrap();
}

/// As soon as the broker is there, it says where the topic ends, whatever was told of it while it was away.
async fn answers_again(feed: &KafkaEventFeed, at_least: Position) {
    let begun = Instant::now();
    loop {
        match feed.head().await {
            Ok(head) => return assert!(head >= at_least, "{head} is behind {at_least}"),
            Err(error) => {
                assert!(!error.to_string().contains("consumption"), "an old failure is told: {error}");
                assert!(begun.elapsed() < DEADLINE, "{error}");
            }
        }
    }
}

/// Commands are taken meanwhile, the feed says what is wrong, and everything arrives afterwards, in order and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_held_beyond_every_timeout_loses_and_doubles_nothing() {
    let broker = own_broker().await;
    let place = Place::new(broker.address()).await;
    let (relay, feed) = (place.relay(), place.feed());
    let troubles = Troubles::of(&relay);
    let load = place.load();
    fares(&relay, |status| status.relayed >= Position(200)).await;

    broker.pause();
    let held = Instant::now();
    let (appended, relayed) = (load.appended(), relay.status().borrow().relayed);
    until("the end of the hold", || held.elapsed() > HELD_FOR).await;
    assert!(load.appended() > appended + 100, "commands are not taken");
    let said = feed.head().await.unwrap_err().to_string();
    assert!(said.contains("Kafka"), "{said}");
    assert!(relay.status().borrow().relayed.0 < relayed.0 + 10_000, "a broker that stands still cannot acknowledge");
    broker.resume();

    load.end().await;
    let head = place.head().await;
    place.follow(&feed, Position::ZERO, head).await;
    fares(&relay, |status| status.health == RelayHealth::Relaying && status.relayed == head).await;
    place.assert_topic_has_no_hole(head).await;
    relay.shutdown().await;
    // However long it takes: whoever gives up one record and sends the next leaves a hole.
    let troubles = troubles.told().await;
    assert!(!troubles.iter().any(|words| words.contains("was not written")), "{troubles:?}");
    gone(broker).await;
}

/// Killed under load and started again, three times: everything arrives, in order and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_under_load_loses_and_doubles_nothing() {
    let mut broker = own_broker().await;
    let place = Place::new(broker.address()).await;
    let (relay, feed) = (place.relay(), place.feed());
    let load = place.load();
    let mut relayed = Position::ZERO;
    for _ in 0..KILLS {
        let status = fares(&relay, |status| status.relayed.0 > relayed.0 + RELAYED_BETWEEN_KILLS).await;
        relayed = status.relayed;
        feed.head().await.unwrap();
        broker = tokio::task::spawn_blocking(move || {
            broker.kill();
            broker.up();
            broker
        })
        .await
        .unwrap();
        assert_eq!(broker.address(), place.kafka.brokers, "clients look for it there");
        let back = fares(&relay, |status| status.relayed.0 > relayed.0 + RELAYED_BETWEEN_KILLS).await;
        answers_again(&feed, back.relayed).await;
    }
    load.end().await;
    let head = place.head().await;
    place.follow(&feed, Position::ZERO, head).await;
    place.assert_topic_has_no_hole(head).await;
    relay.shutdown().await;
    gone(broker).await;
}

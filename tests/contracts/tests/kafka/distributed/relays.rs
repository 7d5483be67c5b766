//! Relays that die, and relays of which there are two.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use contracts::services;
use event_log::EventFeed;
use events::Position;
use rustix::process::{Pid, Signal, kill_process};

use super::place::{Place, fares};
use super::{DEADLINE, until};

const KILLS: u32 = 8;
/// Longer than the lease of a relay.
const STOPPED_FOR: Duration = Duration::from_secs(8);

/// A relay in a process of its own, which ends with this value.
struct Runner(Child);

impl Runner {
    fn start(place: &Place) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_relay_runner"));
        command.args([&place.database.url, &place.kafka.brokers]).stdin(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the topic has come so far.
async fn topic_has(place: &Place, position: Position) {
    let feed = place.feed();
    let comes = async {
        // There is no topic yet when the first one starts.
        while !feed.head().await.is_ok_and(|head| head >= position) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(DEADLINE, comes).await;
    assert!(came.is_ok(), "the topic does not come to {position}, but to {:?}", feed.head().await);
}

/// Killed at any moment of its batches, and followed by another one: everything arrives, in order and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_in_the_midst_of_its_batches_loses_nothing() {
    let place = Place::new(services::kafka()).await;
    let load = place.load();
    let mut relayed = Position::ZERO;
    for kill in 0..KILLS {
        let relay = Runner::start(&place);
        topic_has(&place, Position(relayed.0 + 1 + u64::from(kill) * 37)).await;
        relay.signal(Signal::KILL);
        drop(relay);
        relayed = place.feed().head().await.unwrap();
        // The one that was killed cannot give its lease back.
        place.database.execute("UPDATE leases SET expires_at = '-infinity'").await;
    }
    load.end().await;
    let _relay = Runner::start(&place);
    let head = place.head().await;
    place.follow(&place.feed(), Position::ZERO, head).await;
    place.assert_topic_has_no_hole(head).await;
}

/// One is stopped in mid-batch until another one has its lease and has gone far ahead; then it goes on with what it still
/// has. And the lease of both is taken away again and again, so that each believes to be the only one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_at_once_do_no_harm() {
    let place = Place::new(services::kafka()).await;
    let load = place.load();
    let relays = [(); 2].map(|()| Runner::start(&place));
    topic_has(&place, Position(200)).await;
    for relay in &relays {
        relay.signal(Signal::STOP);
        let stopped = Instant::now();
        until("the lease's end", || stopped.elapsed() > STOPPED_FOR).await;
        let head = place.head().await;
        topic_has(&place, head).await;
        relay.signal(Signal::CONT);
    }
    let begun = Instant::now();
    while begun.elapsed() < STOPPED_FOR {
        place.database.execute("UPDATE leases SET expires_at = '-infinity'").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    load.end().await;
    let head = place.head().await;
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, head).await;
    place.append(10).await;
    place.follow(&feed, head, Position(head.0 + 10)).await;

    let records = place.records().await;
    let events = records.iter().filter(|record| record.position.is_some()).count();
    println!("{events} records of {} events", head.0 + 10);
    place.assert_topic_has_no_hole(Position(head.0 + 10)).await;
    let relay = place.relay();
    drop(relays);
    fares(&relay, |status| status.health.reason().is_none()).await;
    relay.shutdown().await;
}

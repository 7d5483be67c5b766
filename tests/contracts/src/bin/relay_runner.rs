//! Relays a journal until its standard input ends, to be killed or stopped in the midst of it.

#![allow(clippy::unwrap_used, reason = "part of a test")]

use std::io::Read;

use event_log::{KafkaOptions, PostgresJournal, PostgresJournalOptions, Relay, RelayOptions};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("relay_runner postgres://… host:port");
    let brokers = arguments.next().expect("relay_runner postgres://… host:port");
    let journal = PostgresJournal::open(&url, PostgresJournalOptions::default()).await.unwrap();
    let relay = Relay::start(journal.clone(), KafkaOptions::new(brokers), RelayOptions::default());
    // Whoever started this is gone then.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    relay.shutdown().await;
    journal.close().await;
}

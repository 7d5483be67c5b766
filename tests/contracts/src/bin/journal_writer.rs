//! Appends to a journal from several tasks and says so, line by line, to be killed or watched by a test.
//!
//! `try <event id>` is written before an append, `ack <position> <event id>` for each event once it is acknowledged.
//! The idempotency key of an append is its first event's id.

#![allow(clippy::unwrap_used, reason = "part of a test")]

use std::io::Write;
use std::sync::Arc;

use contracts::journal::{append_many, business};
use event_log::{Journal, PostgresJournal, PostgresJournalOptions, SqliteJournal, SqliteJournalOptions, Synchronous};

const USAGE: &str = "journal_writer PATH|postgres://… TASKS APPENDS_PER_TASK full|off";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, tasks, appends, synchronous] = arguments.as_slice() else { panic!("{USAGE}") };
    let (tasks, appends): (u64, u64) = (tasks.parse().expect(USAGE), appends.parse().expect(USAGE));
    let synchronous = match synchronous.as_str() {
        "full" => Synchronous::Full,
        "off" => Synchronous::Off,
        _ => panic!("{USAGE}"),
    };
    if path.starts_with("postgres://") {
        let journal = PostgresJournal::open(path, PostgresJournalOptions::default()).await.unwrap();
        write_from(&(Arc::new(journal.clone()) as _), tasks, appends).await;
        journal.close().await;
    } else {
        let options = SqliteJournalOptions { synchronous, ..SqliteJournalOptions::default() };
        let journal = SqliteJournal::open(path, options).await.unwrap();
        write_from(&(Arc::new(journal.clone()) as _), tasks, appends).await;
        journal.close().await;
    }
}

async fn write_from(journal: &Arc<dyn Journal>, tasks: u64, appends: u64) {
    let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(write(Arc::clone(journal), appends))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Fills streams of five appends each, of one to three events.
async fn write(journal: Arc<dyn Journal>, appends: u64) {
    let (mut stream, mut version) = (business(), 0);
    for number in 0..appends {
        if number % 5 == 0 {
            (stream, version) = (business(), 0);
        }
        let mut append = append_many(stream, version, 1 + usize::try_from(number % 3).unwrap());
        append.key.key = append.events[0].event_id.to_string();
        say(&format!("try {}\n", append.events[0].event_id));
        let appended = journal.append(append.clone()).await.unwrap();
        version = appended.version.0;
        for (position, event) in (appended.first.0..).zip(&append.events) {
            say(&format!("ack {position} {}\n", event.event_id));
        }
    }
}

/// One line in one system call, so that neither a kill nor another task ever cuts it.
fn say(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

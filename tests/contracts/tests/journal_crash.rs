//! A process that writes the journal is killed at random moments: nothing acknowledged is lost or doubled.

#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use contracts::journal::{assert_dense, read_all};
use event_log::{IdempotencyKey, Journal, SqliteJournal, SqliteJournalOptions};
use events::EventId;

/// After this many rounds a new folder, so that making a journal is hit too.
const ROUNDS_PER_FOLDER: usize = 5;

/// What the writer said before it died.
#[derive(Default)]
struct Said {
    tried: HashSet<EventId>,
    /// Event and position.
    acknowledged: HashMap<EventId, u64>,
}

impl Said {
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["try", event] => {
                self.tried.insert(event.parse().unwrap());
            }
            ["ack", position, event] => {
                let before = self.acknowledged.insert(event.parse().unwrap(), position.parse().unwrap());
                assert_eq!(before, None, "acknowledged twice: {event}");
            }
            _ => panic!("{line:?}"),
        }
    }

    fn in_flight(&self) -> usize {
        self.tried.iter().filter(|event| !self.acknowledged.contains_key(event)).count()
    }
}

/// Half of the rounds die after a number of acknowledgements, the other half after a time: while it still opens.
fn write_and_kill(path: &Path, said: &mut Said) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_journal_writer"))
        .arg(path)
        .args(["8", "1000000", "full"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    if rand::random() {
        let enough = said.acknowledged.len() + rand::random_range(1..400);
        while said.acknowledged.len() < enough {
            said.take(&lines.next().expect("it writes until it is killed").unwrap());
        }
    } else {
        std::thread::sleep(Duration::from_micros(rand::random_range(0..40_000)));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines {
        said.take(&line.unwrap());
    }
}

async fn check(path: &Path, said: &Said) {
    let journal = SqliteJournal::open(path, SqliteJournalOptions::default()).await.unwrap();
    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    let positions: HashMap<EventId, u64> =
        stored.iter().map(|event| (event.header.event_id, event.position.0)).collect();
    assert_eq!(positions.len(), stored.len(), "an event is stored twice");
    for (event, position) in &said.acknowledged {
        assert_eq!(positions.get(event), Some(position), "acknowledged and not there: {event}");
    }
    for event in &said.tried {
        let key = IdempotencyKey { actor: "admin:laws".to_owned(), key: event.to_string() };
        let kept = journal.find_key(&key).await.unwrap().map(|record| record.appended.first.0);
        assert_eq!(kept.as_ref(), positions.get(event), "the key and the event of {event} do not agree");
    }
    journal.close().await;
}

#[tokio::test]
async fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let rounds = if std::env::var_os("LAWLESS_LONG").is_some() { 300 } else { 10 };
    let (mut in_flight_kills, mut acknowledged) = (0, 0);
    let mut folder = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    for round in 0..rounds {
        if round % ROUNDS_PER_FOLDER == 0 {
            acknowledged += said.acknowledged.len();
            (folder, said) = (tempfile::tempdir().unwrap(), Said::default());
        }
        let path = folder.path().join("journal.db");
        let before = said.in_flight();
        write_and_kill(&path, &mut said);
        in_flight_kills += usize::from(said.in_flight() > before);
        check(&path, &said).await;
    }
    acknowledged += said.acknowledged.len();
    println!("{rounds} kills, {in_flight_kills} with appends in flight, {acknowledged} events acknowledged");
    assert!(acknowledged > 0 && in_flight_kills * 5 >= rounds, "the kills came too early to show anything");
}

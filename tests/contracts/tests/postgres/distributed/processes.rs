//! Several processes write one journal.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use contracts::journal::{append, assert_dense, business, read_all};
use event_log::{EventFeed, Journal, LookEvery, PostgresJournal, PostgresJournalOptions};
use events::Position;
use futures::future::join_all;
use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, journal, open};

const ROUNDS: usize = 50;
const WRITERS: usize = 8;
const APPENDS_PER_WRITER: usize = 50;
const STOPS: usize = 15;
const STOPPED_FOR: Duration = Duration::from_secs(1);
/// What others may notice of a process that stands still.
const P99_MAX: Duration = Duration::from_millis(500);

/// A process that is ended with this value.
struct Process {
    child: Child,
    asked: ChildStdin,
    said: Option<BufReader<ChildStdout>>,
}

impl Process {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (asked, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, asked, said: Some(BufReader::new(said)) }
    }

    fn ask(&mut self, line: &str) {
        writeln!(self.asked, "{line}").unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        let said = self.said.as_mut().expect("nobody else listens");
        assert!(said.read_line(&mut line).unwrap() > 0, "the process ended");
        line.trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A follower in one process, a writer in another: it is told, and does not only find out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_told_of_what_another_process_appends() {
    let (writer, database) = journal().await;
    let never = Duration::from_secs(24 * 60 * 60);
    let options = PostgresJournalOptions {
        look_every: LookEvery { first: never, longest: never },
        ..PostgresJournalOptions::default()
    };
    let follower = PostgresJournal::open(&database.url, options).await.unwrap();
    let feed = follower.feed();
    for position in 0..20 {
        let (told, appended) = tokio::join!(
            tokio::time::timeout(DEADLINE, feed.wait_beyond(Position(position))),
            writer.append(append(business(), 0))
        );
        appended.unwrap();
        told.expect("it is told").unwrap();
    }
    follower.close().await;
}

/// The same request, and the same name for different streams, at the same moment in two processes: stored once, given
/// once, both told the same, and what else is in their batches is not harmed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_and_a_name_raced_by_two_processes_are_given_once() {
    let (journal, database) = journal().await;
    let mut processes = [(); 2].map(|()| Process::start(env!("CARGO_BIN_EXE_journal_racer"), &[&database.url]));
    for process in &mut processes {
        assert_eq!(process.hear(), "ready");
    }
    let mut overtaken = [0; 2];
    for round in 0..ROUNDS {
        processes.iter_mut().for_each(|process| process.ask(&format!("round-{round}")));
        let [one, other] = processes.each_mut().map(Process::hear);
        // <first position> <new or repeated> <owner of the name> <got it or refused> <neighbours stored>
        let [one, other] = [&one, &other].map(|line| line.split(' ').collect::<Vec<_>>());
        assert_eq!(one[0], other[0], "one request, two places");
        assert_ne!(one[1], other[1], "one is the first: {one:?} {other:?}");
        assert_eq!(one[2], other[2], "one name, two owners");
        assert_ne!(one[3], other[3], "one gets the name: {one:?} {other:?}");
        assert_eq!([one[4], other[4]], ["4", "4"], "a neighbour was harmed");
        overtaken[usize::from(one[3] == "got")] += 1;
    }
    println!("the name was got first by one process {} times, by the other {} times", overtaken[1], overtaken[0]);
    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    // In each round one request, one name's owner, and four neighbours of each process.
    assert_eq!(stored.len(), ROUNDS * (1 + 1 + 8));
}

/// Writers that share nothing but the journal: all is stored, in one order, and nobody fails because of another. Without
/// the lock they would take the same positions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_are_one_order() {
    let (one, database) = journal().await;
    let other = open(&database.url).await;
    let writers = (0..WRITERS).map(|number| {
        let journal = if number % 2 == 0 { one.clone() } else { other.clone() };
        tokio::spawn(async move {
            let (stream, mut version) = (business(), 0);
            for _ in 0..APPENDS_PER_WRITER {
                version = journal.append(append(stream, version)).await.unwrap().version.0;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let stored = read_all(&one.feed()).await;
    assert_dense(&stored);
    assert_eq!(stored.len(), WRITERS * APPENDS_PER_WRITER);
}

/// A process that is stopped in the middle of its load holds no lock that others need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_does_not_stop_others() {
    let (journal, database) = journal().await;
    let arguments = [&database.url, "16", "1000000", "full"];
    let mut stopped = Process::start(env!("CARGO_BIN_EXE_journal_writer"), &arguments);
    let mut said = stopped.said.take().unwrap();
    // What it says is read away, so that it always has something to do.
    let reading = std::thread::spawn(move || {
        let mut acknowledged = 0;
        let mut line = String::new();
        while said.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            acknowledged += u64::from(line.starts_with("ack"));
            line.clear();
        }
        acknowledged
    });
    let (stream, mut version) = (business(), 0);
    let mut waits = Vec::new();
    for stop in 0..STOPS {
        // At another moment of its batches each time.
        for _ in 0..=stop {
            version = journal.append(append(stream, version)).await.unwrap().version.0;
        }
        stopped.signal(Signal::STOP);
        let until = Instant::now() + STOPPED_FOR;
        while Instant::now() < until {
            let started = Instant::now();
            version = journal.append(append(stream, version)).await.unwrap().version.0;
            waits.push(started.elapsed());
        }
        stopped.signal(Signal::CONT);
    }
    drop(stopped);
    let acknowledged = reading.join().unwrap();
    waits.sort();
    let (p99, longest) = (waits[waits.len() * 99 / 100], waits[waits.len() - 1]);
    println!("{} appends beside {STOPS} stops: p99 {p99:?}, longest {longest:?}; it wrote {acknowledged}", waits.len());
    assert!(acknowledged > 100, "the other process did too little to be in anybody's way");
    assert!(p99 < P99_MAX, "p99 {p99:?}");
    assert!(longest < STOPPED_FOR, "somebody waited for a process that stood still: {longest:?}");
    assert_dense(&read_all(&journal.feed()).await);
}

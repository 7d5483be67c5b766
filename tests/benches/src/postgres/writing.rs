//! The load: 1 to 3 events a command, one command in ten with a claim, one in forty a conflict, one in forty a repeat.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use event_log::{Append, AppendError, Appended, Journal, PostgresJournal};
use events::{EventId, StreamVersion};
use tokio::task::JoinSet;

use super::one_by_one::OneByOne;
use crate::appends::Client;

const EVENTS_MAX: usize = 3;
/// A command is a deliberate conflict, and another a repeat, once in so many times.
const CONFLICT_ONCE_IN: u32 = 40;
const REPEAT_ONCE_IN: u32 = 40;
/// How far off the version of a deliberate conflict is.
const OFF: u64 = 1000;

/// Who appends.
#[derive(Clone)]
pub(super) enum Writer {
    /// The product's.
    Group(PostgresJournal),
    /// The control.
    OneByOne(OneByOne),
}

impl Writer {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        match self {
            Self::Group(journal) => journal.append(append).await,
            Self::OneByOne(control) => control.append(append).await,
        }
    }

    /// Ends its connections.
    pub(super) async fn close(&self) {
        match self {
            Self::Group(journal) => journal.close().await,
            Self::OneByOne(control) => control.close().await,
        }
    }
}

/// What was told to the clients.
#[derive(Default)]
pub(super) struct Written {
    /// First position and events of each accepted command.
    pub(super) accepted: Vec<(u64, Vec<EventId>)>,
    /// Names that accepted commands claimed.
    pub(super) claims: u64,
    /// Events of refused commands.
    pub(super) refused: Vec<EventId>,
    /// How long each answer took.
    waits: Vec<Duration>,
    took: Duration,
}

impl Written {
    /// Takes what somebody else was told.
    pub(super) fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.claims += other.claims;
        self.refused.extend(other.refused);
        self.waits.extend(other.waits);
        self.took = self.took.max(other.took);
    }

    /// Accepted events.
    #[expect(clippy::cast_precision_loss, reason = "a bench counts far below 52 bits")]
    pub(super) fn events(&self) -> f64 {
        self.accepted.iter().map(|(_, ids)| ids.len()).sum::<usize>() as f64
    }

    /// Accepted events a second.
    pub(super) fn events_per_second(&self) -> f64 {
        self.events() / self.took.as_secs_f64()
    }

    /// The wait that one answer in a hundred exceeds.
    pub(super) fn p99_milliseconds(&self) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits.get(waits.len() * 99 / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }
}

/// Lets so many clients append for a while.
pub(super) async fn write(writer: &Writer, clients: usize, time: Duration) -> anyhow::Result<Written> {
    let started = Instant::now();
    let mut working = JoinSet::new();
    for seed in 0..clients {
        working.spawn(work(writer.clone(), seed as u64, started + time));
    }
    let mut all = Written::default();
    while let Some(written) = working.join_next().await {
        all.add(written??);
    }
    all.took = started.elapsed();
    Ok(all)
}

async fn work(writer: Writer, seed: u64, until: Instant) -> anyhow::Result<Written> {
    let mut client = Client::new(seed, EVENTS_MAX);
    let mut written = Written::default();
    let mut last: Option<(Append, Appended)> = None;
    while Instant::now() < until {
        if let Some((append, appended)) = last.as_ref().filter(|_| client.one_in(REPEAT_ONCE_IN)) {
            let again = written.timed(writer.append(append.clone())).await?;
            ensure!(again == Appended { replayed: true, ..*appended }, "{again:?} repeats {appended:?}");
            continue;
        }
        let mut append = client.next_append();
        if client.one_in(CONFLICT_ONCE_IN) {
            append.expected_version = StreamVersion(append.expected_version.0 + OFF);
            written.refused.extend(append.events.iter().map(|event| event.event_id));
            match written.timed(writer.append(append)).await {
                Err(AppendError::StaleVersion { .. }) => continue,
                other => bail!("a conflict came to {other:?}"),
            }
        }
        let appended = written.timed(writer.append(append.clone())).await?;
        ensure!(!appended.replayed, "a new command came to {appended:?}");
        client.accepted(appended.version);
        written.claims += append.claims.len() as u64;
        written.accepted.push((appended.first.0, append.events.iter().map(|event| event.event_id).collect()));
        last = Some((append, appended));
    }
    Ok(written)
}

impl Written {
    async fn timed<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let answer = answer.await;
        self.waits.push(started.elapsed());
        answer
    }
}

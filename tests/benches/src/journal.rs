//! The journal behind its port: 64 clients, one group-commit writer against one transaction per command.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use event_log::{EventFeed, Journal, SqliteJournal, SqliteJournalOptions};
use events::Position;
use tokio::task::JoinSet;

use crate::appends::Client;
use crate::{Bound, Measurement, Settings, interleave};

const CLIENTS: u64 = 64;
const EVENTS_MAX: usize = 2;
const READ_PAGE: usize = 1000;

/// What one run showed.
struct Run {
    events_per_second: f64,
    cpu_microseconds_per_event: f64,
    read_events_per_second: f64,
    read_cpu_microseconds_per_event: f64,
}

/// Events a second with group commit against `max_batch = 1`, and what an event costs.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let (pairs, time) = if settings.quick { (1, Duration::from_millis(300)) } else { (4, Duration::from_secs(3)) };
    std::fs::create_dir_all(&settings.cache)?;
    let group = SqliteJournalOptions::default();
    let single = SqliteJournalOptions { max_batch: 1, ..SqliteJournalOptions::default() };
    let runs = Mutex::new(Vec::new());
    let interleaved = interleave(
        pairs,
        async || {
            let run = write(&settings.cache, group.clone(), time).await?;
            let figure = run.events_per_second;
            runs.lock().expect("no run panicked").push(run);
            Ok(figure)
        },
        async || Ok(write(&settings.cache, single.clone(), time).await?.events_per_second),
    )
    .await?;
    let runs = runs.into_inner().expect("no run panicked");
    let median = |figure: fn(&Run) -> f64| crate::median(&runs.iter().map(figure).collect::<Vec<_>>());
    Ok(vec![
        interleaved
            .measurement("journal/appends", "events/s")
            .must(Bound::ratio_at_least(2.0))
            .goal(Bound::ratio_at_least(4.0)),
        Measurement::new("journal/cpu", median(|run| run.cpu_microseconds_per_event), "µs/event"),
        Measurement::new("journal/read", median(|run| run.read_events_per_second), "events/s"),
        Measurement::new("journal/read_cpu", median(|run| run.read_cpu_microseconds_per_event), "µs/event"),
    ])
}

/// 64 clients, each waiting for its answer before it goes on, until the time is over.
async fn write(folder: &Path, options: SqliteJournalOptions, time: Duration) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir_in(folder)?;
    let journal = SqliteJournal::open(folder.path().join("journal.db"), options).await?;
    let events = Arc::new(AtomicU64::new(0));
    let (started, cpu) = (Instant::now(), cpu_time()?);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (journal, events) = (journal.clone(), Arc::clone(&events));
        clients.spawn(async move {
            let mut client = Client::new(client, EVENTS_MAX);
            while started.elapsed() < time {
                let append = client.next_append();
                let appended = journal.append(append).await?;
                client.accepted(appended.version);
                events.fetch_add(appended.last.0 - appended.first.0 + 1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let (elapsed, cpu) = (started.elapsed(), cpu_time()?.saturating_sub(cpu));
    let count = events.load(Ordering::Relaxed);
    let (reading, reading_cpu) = (Instant::now(), cpu_time()?);
    read_all(&journal, count).await?;
    let (read, read_cpu) = (reading.elapsed(), cpu_time()?.saturating_sub(reading_cpu));
    journal.close().await;
    Ok(Run {
        events_per_second: per(count) / elapsed.as_secs_f64(),
        cpu_microseconds_per_event: cpu.as_secs_f64() * 1e6 / per(count),
        read_events_per_second: per(count) / read.as_secs_f64(),
        read_cpu_microseconds_per_event: read_cpu.as_secs_f64() * 1e6 / per(count),
    })
}

/// Reads everything back as a rebuild does, which also shows that nothing is missing.
async fn read_all(journal: &SqliteJournal, count: u64) -> anyhow::Result<()> {
    let feed = journal.feed();
    let mut last = Position::ZERO;
    while let Some(event) = feed.read(last, READ_PAGE).await?.last() {
        last = event.position;
    }
    anyhow::ensure!(last.0 == count, "{count} events were acknowledged, {last} are there");
    Ok(())
}

/// Processor time of this process, clients included.
fn cpu_time() -> anyhow::Result<Duration> {
    // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces; in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").context("read the processor time")?;
    let (_, fields) = stat.rsplit_once(')').context("a line of proc(5)")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

#[allow(clippy::cast_precision_loss, reason = "a bench counts far below 52 bits")]
fn per(count: u64) -> f64 {
    count as f64
}

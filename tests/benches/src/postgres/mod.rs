//! The journal port on PostgreSQL: one group-commit writer against one transaction per command with the same checks,
//! and two processes that write against one.

mod one_by_one;
mod processes;
mod server;
mod verify;
mod writing;

use std::sync::Mutex;
use std::time::Duration;

use contracts::database::Database;
use event_log::{PostgresJournal, PostgresJournalOptions};

use self::one_by_one::OneByOne;
use self::server::Server;
use self::verify::verify;
use self::writing::{Writer, Written, write};
use crate::{Bound, Measurement, Settings, interleave};

pub use self::processes::write_journal;

/// Clients at once, each waiting for its answer before it goes on.
const CLIENTS: [usize; 2] = [64, 256];
/// Not measured: until connections are made and plans are kept.
const WARM_UP: Duration = Duration::from_millis(300);

/// What one run showed.
struct Run {
    events_per_second: f64,
    server_microseconds_per_event: f64,
    p99_milliseconds: f64,
}

/// Events a second, what an event costs the server, and what a second process adds.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let (pairs, time) = if settings.quick { (1, Duration::from_millis(300)) } else { (3, Duration::from_secs(2)) };
    let mut measurements = Vec::new();
    for clients in CLIENTS {
        measurements.extend(against_one_by_one(clients, pairs, time).await?);
    }
    measurements.push(processes::together(pairs, time).await?);
    Ok(measurements)
}

async fn against_one_by_one(clients: usize, pairs: usize, time: Duration) -> anyhow::Result<Vec<Measurement>> {
    let (group, single) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let keep = |runs: &Mutex<Vec<Run>>, run: Run| {
        let figure = run.events_per_second;
        runs.lock().expect("no run panicked").push(run);
        figure
    };
    let interleaved = interleave(
        pairs,
        async || Ok(keep(&group, measure(Kind::Group, clients, time).await?)),
        async || Ok(keep(&single, measure(Kind::OneByOne, clients, time).await?)),
    )
    .await?;
    let [group, single] = [group, single].map(|runs| runs.into_inner().expect("no run panicked"));
    let median = |runs: &[Run], figure: fn(&Run) -> f64| crate::median(&runs.iter().map(figure).collect::<Vec<_>>());
    let beside = |id: &str, unit: &str, figure: fn(&Run) -> f64| {
        let (value, control) = (median(&group, figure), median(&single, figure));
        Measurement::new(&format!("postgres/{id}_{clients}"), value, unit).against(control, value / control)
    };
    Ok(vec![
        interleaved
            .measurement(&format!("postgres/appends_{clients}"), "events/s")
            .must(Bound::ratio_at_least(5.0))
            .goal(Bound::ratio_at_least(12.0)),
        beside("server_cpu", "µs/event", |run| run.server_microseconds_per_event)
            .must(Bound::value_at_most(40.0))
            .goal(Bound::value_at_most(20.0)),
        beside("p99", "ms", |run| run.p99_milliseconds),
    ])
}

#[derive(Clone, Copy)]
enum Kind {
    Group,
    OneByOne,
}

/// A journal of its own for each run, warmed up, written for a while, then read back whole.
async fn measure(kind: Kind, clients: usize, time: Duration) -> anyhow::Result<Run> {
    let database = Database::new().await;
    PostgresJournal::migrate(&database.url).await?;
    let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await?;
    let writer = match kind {
        Kind::Group => Writer::Group(journal.clone()),
        Kind::OneByOne => Writer::OneByOne(OneByOne::connect(&database.url).await?),
    };
    let server = Server::of(&database).await?;
    let mut all = write(&writer, clients, WARM_UP).await?;
    let before = server.cpu_seconds()?;
    let written = write(&writer, clients, time).await?;
    let cpu = server.cpu_seconds()? - before;
    let run = Run {
        events_per_second: written.events_per_second(),
        server_microseconds_per_event: cpu * 1e6 / written.events(),
        p99_milliseconds: written.p99_milliseconds(),
    };
    all.add(written);
    verify(&journal, &database, &all).await?;
    writer.close().await;
    journal.close().await;
    Ok(run)
}

//! Two processes of each role and one of each engine under mixed load, while one after the other is killed, held or restarted.
//! Checks that every acknowledged command is once in the journal, in Kafka and in the rows, that no read is older than its
//! token without saying so, and counts the reads that nobody answered.

mod check;
mod engines;
mod fault;
mod fleet;
mod load;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use contracts::database::Database;
use contracts::keyspace::Keyspace;
use indicatif::{ProgressBar, ProgressStyle};
use it::marked::{Acknowledged, define_trees};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinHandle;

use crate::engines::{EngineName, Engines};
use crate::fault::{Fault, Target};
use crate::fleet::{Doors, Fleet, OF_EACH, Role};
use crate::load::{Shared, Writer, read};

const WRITERS: u64 = 4;
const READERS: u64 = 8;
/// Reads that a client which asks a second process gets answered, at least.
const ANSWERED_MIN: f64 = 0.999;
/// After the last fault everything is visible by then.
const CAUGHT_UP_DEADLINE: Duration = Duration::from_secs(60);
/// Settings of all processes: what hangs is given up soon, so that another one can be asked.
const BOUNDED: &str = "request_timeout_ms = 1000\nconnect_timeout_ms = 1500\n[views]\nage_max_ms = 2500\n";

/// Harms a distributed directory while it is used, and checks that nothing acknowledged is lost, doubled or shown too old.
#[derive(Parser)]
struct Arguments {
    /// How long it is harmed.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Repeats the commands and the faults of a run.
    #[arg(long)]
    seed: Option<u64>,
    /// Harms only these; `command-api`, `relay`, `projectors`, `query-api`, `postgres`, `kafka`, `cassandra`.
    #[arg(long, value_parser = Target::parse)]
    only: Vec<Target>,
    /// Harms only so many of them, which the seed chooses.
    #[arg(long)]
    targets: Option<usize>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let all = if arguments.only.is_empty() { Target::ALL.to_vec() } else { arguments.only };
    let number = arguments.targets.unwrap_or(all.len());
    let targets: Vec<Target> = all.sample(&mut rng, number).copied().collect();
    let names: Vec<&str> = targets.iter().map(|target| target.name()).collect();
    println!("chaos: {} s, seed {seed}, {}", arguments.seconds, names.join(", "));
    let engines = Engines::start().await?;
    let outcome = on_engines(&engines, Duration::from_secs(arguments.seconds), &targets, &mut rng).await;
    engines.finish().await?;
    outcome.with_context(|| format!("seed {seed}"))
}

async fn on_engines(
    engines: &Engines,
    duration: Duration,
    targets: &[Target],
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<()> {
    let database = Database::at(&engines.address(EngineName::Postgres)).await;
    let keyspace = Keyspace::at(engines.address(EngineName::Cassandra));
    let settings = format!(
        "mode = \"distributed\"\n[journal]\nurl = \"{}\"\n[kafka]\nbrokers = \"{}\"\n[cql]\ncontact_points = \"{}\"\n\
         keyspace = \"{}\"\n{BOUNDED}",
        database.url,
        engines.address(EngineName::Kafka),
        keyspace.options.nodes.join(","),
        keyspace.options.keyspace,
    );
    let mut fleet = Fleet::start(&settings).await?;
    let outcome = harm(&mut fleet, engines, duration, targets, rng).await;
    let acknowledged = match outcome {
        Ok(acknowledged) => acknowledged,
        Err(error) => return Err(error.context(format!("logs are in {}", fleet.keep().display()))),
    };
    let folders: Vec<_> = (0..OF_EACH).map(|index| fleet.data(Role::Projectors, index)).collect();
    let folders: Vec<_> = folders.iter().map(std::path::PathBuf::as_path).collect();
    let brokers = engines.address(EngineName::Kafka);
    match check::check(&database.url, &brokers, &keyspace, &folders, &acknowledged).await {
        Ok(checked) => {
            println!(
                "{} events in the journal and in the topic; {} rows in each of {} local stores and in the CQL store \
                 are those of a replay",
                checked.events, checked.rows, OF_EACH
            );
            Ok(())
        }
        Err(error) => Err(error.context(format!("logs are in {}", fleet.keep().display()))),
    }
}

/// Load and faults, then peace, until all is visible; then the end of all processes.
async fn harm(
    fleet: &mut Fleet,
    engines: &Engines,
    duration: Duration,
    targets: &[Target],
    rng: &mut ChaCha8Rng,
) -> anyhow::Result<Vec<Acknowledged>> {
    let doors = fleet.doors();
    let first = doors.command_api(0).context("a process that takes commands")?;
    let trees = define_trees(&first).await?;
    fleet.wait_all_ready().await?;
    caught_up(&doors, &trees).await?;

    let shared = Arc::new(Shared::default());
    let (writers, readers) = begin_load(&doors, &shared, rng);
    let style = ProgressStyle::with_template("{bar:30} {elapsed} of {prefix}, {pos} faults")?;
    let bar = ProgressBar::no_length().with_style(style).with_prefix(format!("{} s", duration.as_secs()));
    let begun = Instant::now();
    let mut happened = 0;
    while begun.elapsed() < duration {
        // A client that found something wrong has ended.
        if writers.iter().any(JoinHandle::is_finished) || readers.iter().any(JoinHandle::is_finished) {
            break;
        }
        let Some(fault) = Fault::choose(targets, rng) else { break };
        bar.suspend(|| println!("{:>6.1} s  {fault}", begun.elapsed().as_secs_f64()));
        fault.happen(fleet, engines, &shared).await.with_context(|| fault.to_string())?;
        happened += 1;
        bar.inc(1);
        tokio::time::sleep(fault.calm).await;
    }
    bar.finish_and_clear();
    shared.stop();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.context("a writer")??);
    }
    for reader in readers {
        reader.await.context("a reader")??;
    }
    let newest = shared.newest().context("no command was acknowledged")?;
    caught_up(&doors, &newest.to_string()).await?;
    fleet.end_all().await?;
    report(&shared, happened)?;
    Ok(acknowledged)
}

type Clients = (Vec<JoinHandle<anyhow::Result<Vec<Acknowledged>>>>, Vec<JoinHandle<anyhow::Result<()>>>);

fn begin_load(doors: &Doors, shared: &Arc<Shared>, rng: &mut ChaCha8Rng) -> Clients {
    let writers = (0..WRITERS).map(|_| {
        let (writer, doors, shared) = (Writer::new(rng.random()), doors.clone(), shared.clone());
        tokio::spawn(async move { writer.run(&doors, &shared).await })
    });
    let writers = writers.collect();
    let readers = (0..READERS).map(|_| {
        let (seed, doors, shared) = (rng.random(), doors.clone(), shared.clone());
        tokio::spawn(async move { read(seed, &doors, &shared).await })
    });
    (writers, readers.collect())
}

/// Every query process shows all up to a token.
async fn caught_up(doors: &Doors, token: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    for index in 0..OF_EACH {
        loop {
            let client = doors.query_api(index).context("a process that answers reads")?;
            let headers = [("Lawless-Consistency", token)];
            let asked = client.get("/v1/categories", &headers);
            let said = match tokio::time::timeout(CAUGHT_UP_DEADLINE, asked).await {
                Ok(Ok(answer)) if answer.status == 200 && answer.header("lawless-stale").is_empty() => break,
                Ok(Ok(answer)) => format!("{} {:?}", answer.status, answer.headers),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "nothing".to_owned(),
            };
            ensure!(
                begun.elapsed() < CAUGHT_UP_DEADLINE,
                "query process {index} does not catch up with {token}; it says {said}"
            );
        }
    }
    Ok(())
}

fn report(shared: &Shared, faults: u64) -> anyhow::Result<()> {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counts = &shared.counts;
    let (reads, failed) = (of(&counts.reads), of(&counts.failed));
    #[expect(clippy::cast_precision_loss, reason = "no run has so many reads")]
    let answered = (reads - failed) as f64 / reads.max(1) as f64;
    println!(
        "{faults} faults; {} commands acknowledged, {} of them by asking again; {reads} reads, {} answered by the second \
         process, {failed} by none ({:.3} % answered); {} said they may be old; {} with a token were new enough",
        of(&counts.acknowledged),
        of(&counts.replayed),
        of(&counts.second),
        answered * 100.0,
        of(&counts.stale),
        of(&counts.checked),
    );
    println!(
        "while the only node with rows was harmed: {} reads, {} answered by none",
        of(&counts.reads_without_rows),
        of(&counts.failed_without_rows)
    );
    ensure!(of(&counts.checked) > 0, "no read with a token was answered: this run proves nothing");
    ensure!(answered >= ANSWERED_MIN, "too few reads were answered");
    Ok(())
}

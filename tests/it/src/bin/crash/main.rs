//! Kills the program at random moments under mixed load, and checks after each kill that every acknowledged command
//! is in the journal exactly once, that positions have no holes, and, now and then, that the views are what a replay
//! gives.

mod inspect;
mod load;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use events::{BusinessId, Position};
use indicatif::{ProgressBar, ProgressStyle};
use it::Program;
use it::marked::{Acknowledged, Seen, define_trees};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::inspect::{compare_with_replay, read_journal, views_position};
use crate::load::{Shared, Writer};

/// Clients at once.
const WRITERS: u64 = 16;
/// The longest load before a kill.
const LOAD_MS_MAX: u64 = 400;
/// One kill in so many may also come while the program has not answered a single command yet.
const ROUNDS_PER_EARLY_KILL: u32 = 8;
/// A program that has not answered by then never will.
const FIRST_ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// A folder is used for so many kills.
const ROUNDS_PER_FOLDER: u32 = 100;
/// The views are compared with a replay after so many kills, and after the last one.
const ROUNDS_PER_REPLAY: u32 = 20;
/// At least this part of kills must hit commands in flight, and unfolded events. Kills that hit nothing prove nothing.
const HITS_MIN: f64 = 0.2;

/// Kills the running program again and again, and checks that nothing acknowledged is lost or doubled.
#[derive(Parser)]
struct Arguments {
    /// How many kills.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Repeats the commands and the moments of a run.
    #[arg(long)]
    seed: Option<u64>,
}

/// What was done, for the last line.
#[derive(Default)]
struct Counts {
    kills: u32,
    with_commands_in_flight: u32,
    with_unfolded_events: u32,
    acknowledged: u64,
    replayed: u64,
    reads: u64,
    rows_compared: u64,
    slowest_start: Duration,
}

/// One data folder, with all that must be true about it.
struct World {
    folder: TempDir,
    writers: Vec<Writer>,
    seen: Seen,
    acknowledged: Vec<Acknowledged>,
    shared: Arc<Shared>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    println!("crash: {} rounds, seed {seed}", arguments.rounds);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} kills, {eta} left, {msg}").context("the bar")?;
    let bar = ProgressBar::new(arguments.rounds.into()).with_style(style);
    let (mut counts, mut rng) = (Counts::default(), ChaCha8Rng::seed_from_u64(seed));
    let mut world = None;
    for round in 1..=arguments.rounds {
        let mut current = match world.take() {
            Some(world) => world,
            None => World::new(rng.random())?,
        };
        let replays = round.is_multiple_of(ROUNDS_PER_REPLAY) || round == arguments.rounds;
        let outcome = current.round(&mut counts, &mut rng, round, replays).await;
        if let Err(error) = outcome {
            let folder = current.folder.keep();
            return Err(error.context(format!("round {round} of seed {seed}; the folder is {}", folder.display())));
        }
        bar.set_message(format!("{} commands acknowledged", counts.acknowledged));
        bar.inc(1);
        if !round.is_multiple_of(ROUNDS_PER_FOLDER) {
            world = Some(current);
        }
    }
    bar.finish_and_clear();
    counts.report()
}

impl World {
    fn new(seed: u64) -> anyhow::Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir().context("making a folder")?,
            writers: (0..WRITERS).map(|writer| Writer::new(seed ^ writer)).collect(),
            seen: Seen::default(),
            acknowledged: Vec::new(),
            shared: Arc::new(Shared::default()),
        })
    }

    async fn round(
        &mut self,
        counts: &mut Counts,
        rng: &mut ChaCha8Rng,
        round: u32,
        replays: bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let program = Program::start(self.folder.path()).await?;
        counts.slowest_start = counts.slowest_start.max(started.elapsed());
        if self.seen.head() == Position::ZERO {
            define_trees(&program.client()?).await?;
        }
        let data = program.data();
        let load = Duration::from_micros(rng.random_range(0..LOAD_MS_MAX * 1000));
        self.load_and_kill(program, load, round.is_multiple_of(ROUNDS_PER_EARLY_KILL)).await?;

        counts.kills += 1;
        let in_flight = self.writers.iter().any(|writer| writer.unsettled.is_some());
        counts.with_commands_in_flight += u32::from(in_flight);
        read_journal(&data, &mut self.seen).await?;
        let views = views_position(&data)?;
        ensure!(views <= self.seen.head(), "the views are at {views}, the journal ends at {}", self.seen.head());
        counts.with_unfolded_events += u32::from(views < self.seen.head());

        for writer in &mut self.writers {
            for acknowledged in writer.acknowledged.drain(..) {
                self.seen.check(&acknowledged)?;
                self.acknowledged.push(acknowledged);
                counts.acknowledged += 1;
            }
            counts.reads += std::mem::take(&mut writer.reads);
            counts.replayed += std::mem::take(&mut writer.replayed);
        }
        if replays {
            counts.rows_compared += compare_with_replay(&data, ChaCha8Rng::seed_from_u64(rng.random())).await?;
            self.check_everything_again(&data).await?;
        }
        Ok(())
    }

    /// Runs all writers for a while, then kills the program under them. The while begins with the first answer, or
    /// at once if the kill may come early.
    async fn load_and_kill(&mut self, program: Program, load: Duration, early: bool) -> anyhow::Result<()> {
        let client = program.client()?;
        self.shared = Arc::new(Shared { marks: self.shared.marks.load(Ordering::SeqCst).into(), ..Shared::default() });
        let running: Vec<_> = std::mem::take(&mut self.writers)
            .into_iter()
            .map(|mut writer| {
                let (client, shared) = (client.clone(), self.shared.clone());
                tokio::spawn(async move {
                    let outcome = writer.run(&client, &shared).await;
                    (writer, outcome)
                })
            })
            .collect();
        if !early {
            let answered = tokio::time::timeout(FIRST_ANSWER_DEADLINE, self.shared.acknowledged.notified()).await;
            // A writer that ended with an error is told below.
            let ended = running.iter().any(tokio::task::JoinHandle::is_finished);
            ensure!(answered.is_ok() || ended, "no command was answered within {FIRST_ANSWER_DEADLINE:?}");
        }
        tokio::time::sleep(load).await;
        // Nothing is begun from here on, so that what is unsettled was in flight when the kill came.
        self.shared.stop.store(true, Ordering::SeqCst);
        program.kill().await?;
        for task in running {
            let (writer, outcome) = task.await.context("a writer panicked")?;
            outcome?;
            self.writers.push(writer);
        }
        Ok(())
    }

    /// Reads the whole journal as if it had never been seen, and holds every acknowledgement of the folder against it.
    async fn check_everything_again(&self, data: &std::path::Path) -> anyhow::Result<()> {
        let mut anew = Seen::default();
        read_journal(data, &mut anew).await?;
        let mut newest = std::collections::HashMap::new();
        for acknowledged in &self.acknowledged {
            anew.check(acknowledged)?;
            newest.insert(acknowledged.business, acknowledged.version);
        }
        let unsettled: Vec<_> = self.writers.iter().filter_map(|writer| writer.unsettled.as_ref()?.business).collect();
        for (business, version) in newest {
            let events = anew.version(BusinessId(business).into());
            let most = version + u64::from(unsettled.contains(&business));
            ensure!(events <= most, "business {business} has {events} events, {version} were acknowledged");
        }
        Ok(())
    }
}

impl Counts {
    fn report(&self) -> anyhow::Result<()> {
        let part = |hits: u32| f64::from(hits) / f64::from(self.kills.max(1));
        println!(
            "{} kills: {} with commands in flight ({:.0} %), {} with unfolded events ({:.0} %)",
            self.kills,
            self.with_commands_in_flight,
            part(self.with_commands_in_flight) * 100.0,
            self.with_unfolded_events,
            part(self.with_unfolded_events) * 100.0,
        );
        println!(
            "{} commands acknowledged, each there once; {} settled after a kill by asking again; {} reads with a \
             token; {} rows compared with a replay; slowest start {} ms",
            self.acknowledged,
            self.replayed,
            self.reads,
            self.rows_compared,
            self.slowest_start.as_millis(),
        );
        for (hits, what) in
            [(self.with_commands_in_flight, "commands in flight"), (self.with_unfolded_events, "unfolded events")]
        {
            ensure!(part(hits) >= HITS_MIN, "too few kills hit {what}: this run proves too little");
        }
        Ok(())
    }
}

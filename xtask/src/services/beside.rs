//! Engines are started and ended side by side: one that takes long keeps nobody waiting.

use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};

use super::engine::Engine;
use super::record::{self, Locked, RunsAs};
use super::{Services, docker, native};

/// Starts processes on the thread that waits for all engines. The kernel ends a lent engine with the thread that started
/// it, and the thread of one engine ends when that engine answers.
pub(super) struct Spawner(Sender<Order>);

struct Order {
    command: Command,
    done: Sender<std::io::Result<Child>>,
}

impl Spawner {
    /// Starts a process.
    pub(super) fn spawn(&self, command: Command) -> anyhow::Result<Child> {
        let (done, answer) = channel();
        self.0.send(Order { command, done }).map_err(|_| anyhow!("nobody starts processes any more"))?;
        Ok(answer.recv().context("nobody starts processes any more")??)
    }
}

/// Starts those that do not run; `started` says which these were, also when one of them does not start.
pub(super) fn up(
    services: &Services,
    engines: &[&'static dyn Engine],
    with_us: bool,
    started: &mut Vec<&'static dyn Engine>,
) -> anyhow::Result<()> {
    let locked = Locked::new(&services.folder)?;
    if services.docker {
        return containers(services, engines, &locked, started);
    }
    let (spawner, orders) = channel();
    let outcomes = std::thread::scope(|scope| {
        let start = |engine: &'static dyn Engine| {
            let (spawner, locked) = (Spawner(spawner.clone()), &locked);
            scope.spawn(move || process(services, engine, locked, with_us, &spawner))
        };
        let starting: Vec<_> = engines.iter().map(|engine| start(*engine)).collect();
        drop(spawner);
        fill(&orders);
        starting.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a panic"))).collect::<Vec<_>>()
    });
    let mut failures = Vec::new();
    for (engine, outcome) in engines.iter().zip(outcomes) {
        match outcome {
            Ok(true) => started.push(*engine),
            Ok(false) => {}
            Err(error) => failures.push(error),
        }
    }
    told(failures)
}

/// Until no thread is left that could want a process.
fn fill(orders: &Receiver<Order>) {
    for mut order in orders {
        // Nobody waits for the answer only after a panic.
        let _ = order.done.send(order.command.spawn());
    }
}

/// Starts one as a process, if it does not run; whether it was started.
fn process(
    services: &Services,
    engine: &'static dyn Engine,
    locked: &Locked<'_>,
    with_us: bool,
    spawner: &Spawner,
) -> anyhow::Result<bool> {
    let name = engine.name();
    if let Some(record) = record::read(&services.folder)?.remove(name)
        && let RunsAs::Process(process) = &record.runs_as
        && process.is_alive()
    {
        let why = || format!("{name} runs, as process {}, and does not answer", process.pid);
        match native::wait(engine, &record.address, || process.is_alive()) {
            Ok(()) => {
                println!("{name}: runs already");
                return Ok(false);
            }
            Err(error) if process.is_alive() => return Err(error).with_context(why),
            Err(_) => println!("{name}: just ended"),
        }
    }
    let begun = Instant::now();
    native::start(engine, services, locked, with_us, spawner)?;
    println!("{name}: answers after {:.1} s", begun.elapsed().as_secs_f64());
    Ok(true)
}

/// Starts them as containers, by one command, because two would make the same network.
fn containers(
    services: &Services,
    engines: &[&'static dyn Engine],
    locked: &Locked<'_>,
    started: &mut Vec<&'static dyn Engine>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let before = record::read(&services.folder)?;
    for (engine, record) in engines.iter().zip(docker::up(engines, &services.folder)?) {
        let name = engine.name();
        let address = record.address.clone();
        locked.keep(name, Some(record))?;
        if before.get(name).is_none_or(|record| record.runs_as != RunsAs::Container) {
            started.push(*engine);
        }
        native::wait(*engine, &address, || true).with_context(|| format!("the container of {name}"))?;
        println!("{name}: answers after {:.1} s", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Does something with all of them, side by side, and fails after all are through.
pub(super) fn all(
    engines: &[&'static dyn Engine],
    what: impl Fn(&'static dyn Engine) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let what = &what;
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> = engines.iter().map(|engine| scope.spawn(move || what(*engine))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a panic"))).collect::<Vec<_>>()
    });
    told(outcomes.into_iter().filter_map(Result::err).collect())
}

/// The one failure, or one that tells of all.
fn told(mut failures: Vec<anyhow::Error>) -> anyhow::Result<()> {
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => Err(anyhow!("{}", failures.iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("\n"))),
    }
}

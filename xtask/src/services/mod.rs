//! The engines of the distributed mode, for development and tests: in containers where a Docker engine answers, else as
//! processes of this machine below `target/services/`.
//!
//! | module | does |
//! |---|---|
//! | `engine`, `postgres`, `kafka`, `registry`, `cassandra`, `redis` | what is different from engine to engine |
//! | `java` | what those in Java have in common |
//! | `cql` | asks a CQL store |
//! | `native` | starts a process, waits until it answers |
//! | `docker` | the same with a container |
//! | `beside` | starts engines side by side |
//! | `record`, `identity` | what runs, and which process that is |
//! | `account`, `packages`, `ports`, `versions` | as whom, from where, at which port, which one |

mod account;
mod beside;
mod cassandra;
mod cql;
#[cfg(test)]
mod distributed;
mod docker;
mod engine;
mod identity;
mod java;
mod kafka;
mod native;
mod packages;
mod ports;
mod postgres;
mod record;
mod redis;
mod registry;
mod versions;

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use self::engine::Engine;
use self::record::{Locked, RunsAs};
use crate::target;

/// Every engine.
const ENGINES: [&dyn Engine; 5] =
    [&postgres::Postgres, &kafka::Kafka, &registry::Registry, &cassandra::Cassandra, &redis::Redis];

/// Where what was downloaded is kept, if not below the folder of the services.
const DOWNLOADS: &str = "LAWLESS_SERVICES_DOWNLOADS";

/// What is done with the services.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Starts the engines that do not run, and waits until they answer. They go on when this ends.
    Up {
        /// Only these.
        engines: Vec<String>,
    },
    /// Ends the engines that were started here, and nothing else. What they stored is kept.
    Down {
        /// Only these.
        engines: Vec<String>,
        /// Removes what they stored, too.
        #[arg(long)]
        wipe: bool,
    },
    /// Says what runs, and how it is reached.
    Status,
    /// Shows what the engines said last.
    Logs {
        /// Only these.
        engines: Vec<String>,
        /// How many lines of each.
        #[arg(long, default_value_t = 50)]
        lines: usize,
    },
}

/// Does it with the services of this workspace; for `status`, whether all of them run.
pub(crate) fn run(task: Task) -> anyhow::Result<bool> {
    let services = Services::of_workspace();
    match task {
        Task::Up { engines } => {
            beside::up(&services, &chosen(&engines)?, false, &mut Vec::new())?;
            println!("how to reach them: {}", services.file().display());
        }
        Task::Down { engines, wipe } => services.down(&chosen(&engines)?, wipe)?,
        Task::Status => return services.status(),
        Task::Logs { engines, lines } => services.logs(&chosen(&engines)?, lines)?,
    }
    Ok(true)
}

/// Engines by their names; all when none is named.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static dyn Engine>> {
    let of_name = |name: &String| {
        let known = ENGINES.map(Engine::name).join(", ");
        let engine = ENGINES.into_iter().find(|engine| engine.name() == name);
        engine.with_context(|| format!("there is no engine {name:?}; there are: {known}"))
    };
    if names.is_empty() { Ok(ENGINES.to_vec()) } else { names.iter().map(of_name).collect() }
}

/// Whether a program is found.
fn is_program(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
}

/// The services of a folder.
#[derive(Clone)]
pub(crate) struct Services {
    folder: PathBuf,
    downloads: PathBuf,
    docker: bool,
}

/// Engines that were started for as long as this value lives.
pub(crate) struct Lent {
    services: Services,
    engines: Vec<&'static dyn Engine>,
}

impl Services {
    /// Those of this workspace.
    pub(crate) fn of_workspace() -> Self {
        let folder = target().join("services");
        let downloads = std::env::var_os(DOWNLOADS).map_or_else(|| folder.join("downloads"), PathBuf::from);
        Self { folder, downloads, docker: docker::is_there() }
    }

    /// Starts all engines that do not run, and ends those with the returned value; when this program is killed, too.
    pub(crate) fn lend(&self) -> anyhow::Result<Lent> {
        // The value is there before the engines, so that those which started end also when a later one does not.
        let mut lent = Lent { services: self.clone(), engines: Vec::new() };
        beside::up(self, &ENGINES, true, &mut lent.engines)?;
        Ok(lent)
    }

    fn down(&self, engines: &[&'static dyn Engine], wipe: bool) -> anyhow::Result<()> {
        let locked = Locked::new(&self.folder)?;
        beside::all(engines, |engine| self.end(engine, &locked, wipe))
    }

    fn end(&self, engine: &'static dyn Engine, locked: &Locked<'_>, wipe: bool) -> anyhow::Result<()> {
        let name = engine.name();
        match record::read(&self.folder)?.remove(name).map(|record| record.runs_as) {
            Some(RunsAs::Process(process)) => {
                let word = if process.is_alive() { "ended" } else { "had ended before" };
                process.end(engine.endings()).with_context(|| format!("ending {name}"))?;
                println!("{name}: {word}");
            }
            Some(RunsAs::Container) => docker::down(engine, &self.folder, wipe)?,
            None => println!("{name}: was not started here"),
        }
        locked.keep(name, None)?;
        if wipe { native::wipe(engine, &self.folder) } else { Ok(()) }
    }

    fn status(&self) -> anyhow::Result<bool> {
        let records = record::read(&self.folder)?;
        let mut all_run = true;
        for engine in ENGINES {
            let name = engine.name();
            let Some(record) = records.get(name) else {
                println!("{name}: does not run");
                all_run = false;
                continue;
            };
            let who = match &record.runs_as {
                RunsAs::Process(process) if !process.is_alive() => {
                    println!("{name}: ended by itself, or was killed; `cargo xtask services logs {name}`");
                    all_run = false;
                    continue;
                }
                RunsAs::Process(process) => format!("process {}", process.pid),
                RunsAs::Container => "a container".to_owned(),
            };
            match engine.answers(&record.address) {
                Ok(()) => println!("{name}: answers, {who}, {}", record.address.text()),
                Err(error) => {
                    println!("{name}: {who} runs and does not answer: {error:#}");
                    all_run = false;
                }
            }
        }
        Ok(all_run)
    }

    fn logs(&self, engines: &[&'static dyn Engine], lines: usize) -> anyhow::Result<()> {
        let records = record::read(&self.folder)?;
        for engine in engines {
            println!("=== {}", engine.name());
            if records.get(engine.name()).is_some_and(|record| record.runs_as == RunsAs::Container) {
                docker::logs(*engine, &self.folder, lines)?;
            } else {
                println!("{}", native::last_lines(*engine, &self.folder, lines));
            }
        }
        Ok(())
    }

    /// The file that tells tests how engines are reached.
    pub(crate) fn file(&self) -> PathBuf {
        record::file(&self.folder)
    }
}

impl Lent {
    /// Ends what was started. Dropping does the same, and only prints what goes wrong.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.services.down(&std::mem::take(&mut self.engines), false)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let engines = std::mem::take(&mut self.engines);
        if !engines.is_empty()
            && let Err(error) = self.services.down(&engines, false)
        {
            eprintln!("error: {error:#}");
        }
    }
}

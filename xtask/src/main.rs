//! Everything about this workspace that is more than one cargo command. Knows no crate of the product, so that it
//! builds in seconds and reports a workspace that does not compile.

mod chaos;
mod faults;
mod fuzz;
mod process;
mod services;
mod suites;
mod tally;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::process::cargo;

/// Benches that need the engines.
const NEED_ENGINES: [&str; 2] = ["postgres", "kafka"];

/// Tells tests and benches how the engines are reached.
const SERVICES_FILE: &str = "LAWLESS_SERVICES_FILE";

/// Tests and measures the Lawless Directory.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every test; ends with `N passed, N failed, N skipped`.
    Test {
        /// The full figures: 1000 crash rounds, 256 model cases of 200 commands, 500 store kills, the seeded faults.
        #[arg(long)]
        long: bool,
        /// Runs only these suites.
        #[arg(long, value_name = "SUITE", value_parser = suites::NAMES)]
        only: Vec<String>,
        /// Starts no engine, and leaves out the tests that need one.
        #[arg(long)]
        embedded: bool,
    },
    /// The engines of the distributed mode: starts them, ends them, says how they are reached.
    Services {
        #[command(subcommand)]
        task: services::Task,
    },
    /// Kills the running program again and again, and checks that nothing acknowledged is lost or doubled.
    Crash {
        /// How many kills.
        #[arg(long, default_value_t = 10)]
        rounds: u32,
        /// Repeats the commands and the moments of a run; each run prints its own.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Harms a distributed directory while it is used: kills, holds and restarts its processes and engines.
    Chaos {
        /// How long.
        #[arg(long, default_value_t = chaos::SECONDS)]
        seconds: u64,
        /// Repeats the commands and the faults of a run; each run prints its own.
        #[arg(long)]
        seed: Option<u64>,
        /// Harms only this: a role or an engine; may be given several times.
        #[arg(long)]
        only: Vec<String>,
    },
    /// Measures speed and size on a release build; figures go to `target/bench/`.
    Bench {
        /// Small sizes: shows that the benches run; their figures mean little.
        #[arg(long)]
        quick: bool,
        /// Which benches; all of them when none is named.
        names: Vec<String>,
    },
    /// Throws made-up input at everything that is parsed; installs cargo-fuzz below `target/` if there is none.
    Fuzz {
        /// How long each fuzzer runs.
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u32,
        /// Keeps what was found in `fuzz/corpus`, as little of it as reaches the same code.
        #[arg(long)]
        keep: bool,
        /// Which fuzzers, by the files of `fuzz/fuzz_targets`; all of them when none is named.
        names: Vec<String>,
    },
    /// Puts each fault of `tests/faults.toml` into a copy of the code; the tests must notice every one.
    Faults {
        /// Only this one.
        #[arg(long)]
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { long, only, embedded } => suites::run(&suites::Choice { long, only, embedded }),
        Task::Services { task } => services::run(task),
        Task::Crash { rounds, seed } => crash(rounds, seed),
        Task::Chaos { seconds, seed, only } => chaos::run(&chaos::Choice { seconds, seed, only, targets: None }),
        Task::Bench { quick, names } => bench(quick, &names),
        Task::Fuzz { seconds, keep, names } => fuzz::run(seconds, &names, keep).map(|tally| tally.failed == 0),
        Task::Faults { only } => faults::run(only.as_deref()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds every program and every test. Fewer of them would be built with other features of what they depend on, once
/// more and beside it.
fn build() -> anyhow::Result<bool> {
    process::succeeds(&mut cargo(["build", "--profile", "ci", "--workspace", "--all-targets"]))
}

fn crash(rounds: u32, seed: Option<u64>) -> anyhow::Result<bool> {
    if !build()? {
        return Ok(false);
    }
    let mut command = Command::new(target().join("ci/crash"));
    command.args(["--rounds", &rounds.to_string()]);
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    process::succeeds(&mut command)
}

fn bench(quick: bool, names: &[String]) -> anyhow::Result<bool> {
    let mut command = cargo(["build", "--release", "--package", "lawless", "--package", "benches"]);
    if !process::succeeds(&mut command)? {
        return Ok(false);
    }
    let needs_engines = names.is_empty() || names.iter().any(|name| NEED_ENGINES.contains(&name.as_str()));
    let services = services::Services::of_workspace();
    let lent = if needs_engines { Some(services.lend().context("starting the engines")?) } else { None };
    let mut command = cargo(["run", "--quiet", "--release", "--package", "benches", "--"]);
    if quick {
        command.arg("--quick");
    }
    let well = process::succeeds(command.env(SERVICES_FILE, services.file()).args(names))?;
    lent.map_or(Ok(()), services::Lent::end)?;
    Ok(well)
}

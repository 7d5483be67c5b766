//! Every test, suite by suite.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::process::{cargo, succeeds, watch};
use crate::services::{Lent, Services};
use crate::tally::Tally;
use crate::{SERVICES_FILE, build, chaos, crash, faults, fuzz};

/// The suites, in the order in which they run: what fails fast goes first.
pub(crate) const NAMES: [&str; 8] = ["format", "lints", "dependencies", "tests", "crash", "chaos", "fuzz", "faults"];

/// Kills in a plain run, and in a long one.
const CRASH_ROUNDS: [u32; 2] = [10, 1000];

/// Seconds of harm in a plain run, to so many roles and engines; a long one harms all of them, for longer.
const CHAOS_SECONDS: u64 = 120;
const CHAOS_TARGETS: usize = 3;

/// Tells tests to run the full figures.
const LONG: &str = "LAWLESS_LONG";

/// Tests that need an engine are in modules of this name.
const NEEDS_AN_ENGINE: &str = "distributed::";

/// Which tests are run.
pub(crate) struct Choice {
    /// With the full figures.
    pub(crate) long: bool,
    /// Only these suites; all when none is named.
    pub(crate) only: Vec<String>,
    /// Without those that need an engine.
    pub(crate) embedded: bool,
}

/// Runs the suites, or some of them; whether nothing failed.
pub(crate) fn run(choice: &Choice) -> anyhow::Result<bool> {
    let only = &choice.only;
    let chosen = |name: &&str| only.is_empty() || only.iter().any(|one| one == name);
    let names: Vec<&str> = NAMES.into_iter().filter(chosen).collect();
    let services = Services::of_workspace();
    // First of all, so that a missing engine is told at once and not after minutes.
    let needs_engines = !choice.embedded && names.iter().any(|name| ["tests", "faults"].contains(name));
    let lent = if needs_engines { Some(services.lend().context("starting the engines")?) } else { None };
    let mut all = Tally::default();
    let mut report = Vec::new();
    for name in names {
        println!("\n=== {name}");
        let started = Instant::now();
        let Some(tally) = suite(name, choice, &services)? else { continue };
        report.push(format!("{name:<14} {:>5.1} min   {tally}", minutes(started.elapsed())));
        all += tally;
    }
    lent.map_or(Ok(()), Lent::end)?;
    println!("\n{}\n", report.join("\n"));
    if choice.embedded {
        println!(
            "--embedded: the tests that need an engine were left out, and count as skipped; PostgreSQL and Kafka are \
             not tested"
        );
    }
    println!("{all}");
    Ok(all.failed == 0)
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

/// Runs one suite; `None` if it has nothing to run here, for a reason that it prints.
fn suite(name: &str, choice: &Choice, services: &Services) -> anyhow::Result<Option<Tally>> {
    let Choice { long, only, .. } = choice;
    Ok(Some(match name {
        "format" => Tally::of_one(succeeds(&mut cargo(["fmt", "--all", "--check"]))?),
        "lints" => Tally::of_one(succeeds(&mut cargo([
            "clippy",
            "--profile",
            "ci",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))?),
        "dependencies" => {
            if !is_installed("deny") {
                println!(
                    "cargo-deny is not installed. The test `dependencies` in tests/it holds the same licences, bans \
                     and sources of deny.toml, and runs with the tests."
                );
                return Ok(None);
            }
            Tally::of_one(succeeds(&mut cargo(["deny", "--offline", "check", "licenses", "bans", "sources"]))?)
        }
        "tests" => tests(choice, services)?,
        "crash" => Tally::of_one(crash(CRASH_ROUNDS[usize::from(*long)], None)?),
        "chaos" => {
            if choice.embedded {
                println!("--embedded: there are no engines to harm");
                return Ok(None);
            }
            let (seconds, targets) = if *long { (chaos::SECONDS, None) } else { (CHAOS_SECONDS, Some(CHAOS_TARGETS)) };
            Tally::of_one(chaos::run(&chaos::Choice { seconds, seed: None, only: Vec::new(), targets })?)
        }
        "fuzz" => {
            if !long && only.is_empty() {
                println!("the fuzzers run with --long, or by `cargo xtask fuzz`");
                return Ok(None);
            }
            fuzz::run(fuzz::SECONDS, &[], false)?
        }
        "faults" => {
            if !long && only.is_empty() {
                println!("the seeded faults run with --long, or by `cargo xtask faults`");
                return Ok(None);
            }
            Tally::of_one(faults::run(None)?)
        }
        other => unreachable!("{other} is not one of the suites"),
    }))
}

/// Unit tests, laws, end to end, walls and documentation examples.
fn tests(choice: &Choice, services: &Services) -> anyhow::Result<Tally> {
    // The end-to-end tests start the program as users do, so it is built before they run.
    let mut tally = Tally::default();
    if !build()? {
        return Ok(tally.ended(false));
    }
    let mut command = cargo(["test", "--profile", "ci", "--workspace", "--no-fail-fast"]);
    command.env(SERVICES_FILE, services.file());
    if choice.long {
        command.env(LONG, "1");
    }
    if choice.embedded {
        command.args(["--", "--skip", NEEDS_AN_ENGINE]);
    }
    let well = watch(&mut command, |line| tally.read(line))?;
    Ok(tally.ended(well))
}

fn is_installed(subcommand: &str) -> bool {
    let probe = Command::new(format!("cargo-{subcommand}")).arg("--version").output();
    probe.is_ok_and(|output| output.status.success())
}

//! Every test, suite by suite.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{cargo, succeeds, watch};
use crate::tally::Tally;
use crate::{build, crash, faults};

/// The suites, in the order in which they run: what fails fast goes first.
pub(crate) const NAMES: [&str; 6] = ["format", "lints", "dependencies", "tests", "crash", "faults"];

/// Kills in a plain run, and in a long one.
const CRASH_ROUNDS: [u32; 2] = [10, 1000];

/// Tells tests to run the full figures.
const LONG: &str = "LAWLESS_LONG";

/// Runs the suites, or some of them; whether nothing failed.
pub(crate) fn run(long: bool, only: &[String]) -> anyhow::Result<bool> {
    let mut all = Tally::default();
    let mut report = Vec::new();
    for name in NAMES.into_iter().filter(|name| only.is_empty() || only.iter().any(|o| o == name)) {
        println!("\n=== {name}");
        let started = Instant::now();
        let Some(tally) = suite(name, long, !only.is_empty())? else { continue };
        report.push(format!("{name:<14} {:>5.1} min   {tally}", minutes(started.elapsed())));
        all += tally;
    }
    println!("\n{}\n\n{all}", report.join("\n"));
    Ok(all.failed == 0)
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

/// Runs one suite; `None` if it has nothing to run here, for a reason that it prints.
fn suite(name: &str, long: bool, named: bool) -> anyhow::Result<Option<Tally>> {
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
        "tests" => tests(long)?,
        "crash" => Tally::of_one(crash(CRASH_ROUNDS[usize::from(long)], None)?),
        "faults" => {
            if !long && !named {
                println!("the seeded faults run with --long, or by `cargo xtask faults`");
                return Ok(None);
            }
            Tally::of_one(faults::run(None)?)
        }
        other => unreachable!("{other} is not one of the suites"),
    }))
}

/// Unit tests, laws, end to end, walls and documentation examples.
fn tests(long: bool) -> anyhow::Result<Tally> {
    // The end-to-end tests start the program as users do, so it is built before they run.
    let mut tally = Tally::default();
    if !build()? {
        return Ok(tally.ended(false));
    }
    let mut command = cargo(["test", "--profile", "ci", "--workspace", "--no-fail-fast"]);
    if long {
        command.env(LONG, "1");
    }
    let well = watch(&mut command, |line| tally.read(line))?;
    Ok(tally.ended(well))
}

fn is_installed(subcommand: &str) -> bool {
    let probe = Command::new(format!("cargo-{subcommand}")).arg("--version").output();
    probe.is_ok_and(|output| output.status.success())
}

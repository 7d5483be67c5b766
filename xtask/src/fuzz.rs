//! Runs the fuzzers of `fuzz/`.

mod corpus;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::process::{self, cargo};
use crate::tally::Tally;
use crate::{root, target};

/// How long each fuzzer runs with the other tests.
pub(crate) const SECONDS: u32 = 20;

/// The version that is installed when there is none.
const CARGO_FUZZ: &str = "0.13.2";

/// The longest input. What is bounded at the door is far beyond it.
const INPUT_BYTES_MAX: u32 = 4096;

/// One input may take so long, and so much memory.
const INPUT_SECONDS_MAX: u32 = 10;
const MEMORY_MIB_MAX: u32 = 1024;

/// The fuzzers, by their files.
fn fuzzers() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        names.extend(file?.path().file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Lets each fuzzer run for so many seconds, from what is kept in `fuzz/corpus` and what earlier runs here found. One that
/// finds nothing wrong has passed; what it found is kept if that is wanted.
pub(crate) fn run(seconds: u32, only: &[String], keep: bool) -> anyhow::Result<Tally> {
    let all = fuzzers()?;
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        anyhow::bail!("there is no fuzzer {unknown}; there are {}", all.join(", "));
    }
    let chosen: Vec<_> = all.iter().filter(|name| only.is_empty() || only.contains(name)).collect();
    install()?;
    ensure!(process::succeeds(&mut cargo_fuzz("build"))?, "the fuzzers do not compile");
    let mut tally = Tally::default();
    for name in &chosen {
        println!("\n--- {name}, {seconds} seconds");
        let found = corpus::unpack(name)?;
        let mut command = cargo_fuzz("run");
        command.arg(name).arg(&found).arg("--");
        command.args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
        ]);
        command.args(dictionary(name).map(|file| format!("-dict={}", file.display())));
        let sound = process::succeeds(&mut command)?;
        if keep && sound {
            corpus::keep(name, &mut cargo_fuzz("run"))?;
        }
        tally += Tally::of_one(sound);
    }
    Ok(tally)
}

/// Words that are worth putting into an input.
fn dictionary(name: &str) -> Option<PathBuf> {
    let words = match name {
        "hours" | "mapping" => name,
        "geojson" | "pointers" => "json",
        _ => return None,
    };
    Some(root().join("fuzz/dictionaries").join(words).with_extension("dict"))
}

/// Without a sanitizer, which would need a nightly compiler: there is no unsafe code in what is fuzzed. `--release`, so that
/// the profile says what is asserted.
fn cargo_fuzz(what: &str) -> Command {
    let mut command = cargo(["fuzz", what, "--release", "--sanitizer", "none", "--target-dir"]);
    command.arg(target().join("fuzz")).env("PATH", path_with(&tools().join("bin")));
    command
}

fn tools() -> PathBuf {
    target().join("tools")
}

fn path_with(folder: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}

fn install() -> anyhow::Result<()> {
    let is_there = Command::new("cargo-fuzz").env("PATH", path_with(&tools().join("bin"))).arg("--version").output();
    if is_there.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    println!("cargo-fuzz is not there: installing it below {}", tools().display());
    let mut command = cargo(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"]);
    ensure!(process::succeeds(command.arg(tools()))?, "cargo-fuzz cannot be installed");
    Ok(())
}

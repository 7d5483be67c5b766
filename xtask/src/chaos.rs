//! Starts the program that harms a distributed directory. It starts engines of its own.

use std::process::Command;

use crate::process::succeeds;
use crate::services::Services;
use crate::{SERVICES_FILE, build, target};

/// A plain run.
pub(crate) const SECONDS: u64 = 600;

/// What is harmed, and for how long.
pub(crate) struct Choice {
    /// How long.
    pub(crate) seconds: u64,
    /// Repeats a run.
    pub(crate) seed: Option<u64>,
    /// Only these; all when none is named.
    pub(crate) only: Vec<String>,
    /// Only so many, which the seed chooses.
    pub(crate) targets: Option<usize>,
}

/// Whether nothing was found.
pub(crate) fn run(choice: &Choice) -> anyhow::Result<bool> {
    if !build()? {
        return Ok(false);
    }
    let mut command = Command::new(target().join("ci/chaos"));
    command.env(SERVICES_FILE, Services::of_workspace().file()).args(["--seconds", &choice.seconds.to_string()]);
    if let Some(seed) = choice.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    for one in &choice.only {
        command.args(["--only", one]);
    }
    if let Some(targets) = choice.targets {
        command.args(["--targets", &targets.to_string()]);
    }
    succeeds(&mut command)
}

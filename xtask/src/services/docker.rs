//! The engines in containers, where a Docker engine answers: the services of `deploy/compose.yaml`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use anyhow::{Context, ensure};

use super::engine::Engine;
use super::record::{Record, RunsAs};
use super::versions;
use crate::process::succeeds;
use crate::root;

/// Says `native` to leave a Docker engine alone.
pub(crate) const CHOICE: &str = "LAWLESS_SERVICES";
const FILE: &str = "deploy/compose.yaml";
/// These containers are reached from this machine only.
const PASSWORD: &str = "lawless";
const READY_WITHIN_SECONDS: &str = "300";

/// Whether there is a Docker engine that can be used, with its compose plugin.
pub(crate) fn is_there() -> bool {
    let answers = |arguments: &[&str]| {
        Command::new("docker").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    std::env::var(CHOICE).as_deref() != Ok("native") && answers(&["info"]) && answers(&["compose", "version"])
}

fn compose(engine: &dyn Engine) -> Command {
    // Another clone on this machine has containers of its own.
    let mut name = DefaultHasher::new();
    root().hash(&mut name);
    let mut command = Command::new("docker");
    command.args(["compose", "--project-name", &format!("lawless-{:016x}", name.finish())]);
    command.args(["--env-file", versions::FILE, "--file", FILE]).current_dir(root());
    command.env(engine.container().password_variable, PASSWORD);
    command
}

/// Starts it if it does not run, and waits until it is healthy.
pub(crate) fn up(engine: &dyn Engine) -> anyhow::Result<Record> {
    let mut up = compose(engine);
    up.args(["up", "--detach", "--wait", "--wait-timeout", READY_WITHIN_SECONDS, engine.name()]);
    ensure!(
        succeeds(&mut up)?,
        "docker compose could not start {} (see above); {CHOICE}=native does without Docker",
        engine.name()
    );
    let container = engine.container();
    let port = compose(engine).args(["port", engine.name(), &container.port.to_string()]).output();
    let port = port.context("asking docker compose for the port")?;
    let address = String::from_utf8_lossy(&port.stdout).trim().to_owned();
    ensure!(port.status.success() && !address.is_empty(), "docker compose does not say the port of {}", engine.name());
    Ok(Record { url: (container.url)(PASSWORD, &address), runs_as: RunsAs::Container })
}

/// Stops its container, and with `wipe` removes it with what it stored.
pub(crate) fn down(engine: &dyn Engine, wipe: bool) -> anyhow::Result<()> {
    let ending: &[&str] = if wipe { &["rm", "--stop", "--force", "--volumes"] } else { &["stop"] };
    ensure!(
        succeeds(compose(engine).args(ending).arg(engine.name()))?,
        "docker compose could not end {}",
        engine.name()
    );
    Ok(())
}

/// Shows what it said last.
pub(crate) fn logs(engine: &dyn Engine, lines: usize) -> anyhow::Result<()> {
    let shown = succeeds(compose(engine).args(["logs", "--tail", &lines.to_string(), engine.name()]))?;
    ensure!(shown, "docker compose does not show the log of {}", engine.name());
    Ok(())
}

//! The engines in containers, where a Docker engine answers: the services of `deploy/compose.yaml`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use super::engine::{ContainerPort, Engine};
use super::record::{self, Record, RunsAs};
use super::{ENGINES, ports, versions};
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

/// `docker compose` for the containers of a folder of services. Another folder has containers of its own.
fn compose(folder: &Path) -> anyhow::Result<Command> {
    let mut name = DefaultHasher::new();
    root().hash(&mut name);
    let mut command = Command::new("docker");
    command.args(["compose", "--project-name", &format!("lawless-{:016x}", name.finish())]);
    command.args(["--env-file", versions::FILE, "--file", FILE]).current_dir(root());
    // The file is read whole, so that it wants the variables of all.
    for engine in ENGINES {
        let container = engine.container();
        if let Some(variable) = container.password_variable {
            command.env(variable, PASSWORD);
        }
        if let ContainerPort::Chosen(variable) = container.port {
            command.env(variable, chosen_port(engine, folder)?.to_string());
        }
    }
    Ok(command)
}

/// The port that was chosen for a container, which may have it already.
fn chosen_port(engine: &dyn Engine, folder: &Path) -> anyhow::Result<u16> {
    let file = folder.join(format!("{}.container-port", engine.name()));
    let runs = record::read(folder)?.get(engine.name()).is_some_and(|record| record.runs_as == RunsAs::Container);
    match ports::read(&file) {
        Some(port) if runs => Ok(port),
        _ => ports::kept(&file),
    }
}

/// Starts those that do not run, and waits until they are healthy.
pub(crate) fn up(engines: &[&'static dyn Engine], folder: &Path) -> anyhow::Result<Vec<Record>> {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
    let mut up = compose(folder)?;
    up.args(["up", "--detach", "--wait", "--wait-timeout", READY_WITHIN_SECONDS]).args(&names);
    ensure!(
        succeeds(&mut up)?,
        "docker compose could not start {} (see above); {CHOICE}=native does without Docker",
        names.join(", ")
    );
    engines.iter().map(|engine| record(*engine, folder)).collect()
}

/// How a container that runs is reached.
fn record(engine: &dyn Engine, folder: &Path) -> anyhow::Result<Record> {
    let container = engine.container();
    let within = match container.port {
        ContainerPort::Any(port) => port,
        ContainerPort::Chosen(_) => chosen_port(engine, folder)?,
    };
    let output = compose(folder)?.args(["port", engine.name(), &within.to_string()]).output();
    let output = output.context("asking docker compose for the port")?;
    let reached = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        output.status.success() && !reached.is_empty(),
        "docker compose does not say the port of {}",
        engine.name()
    );
    Ok(Record { address: (container.address)(PASSWORD, &reached), runs_as: RunsAs::Container })
}

/// Stops its container, and with `wipe` removes it with what it stored.
pub(crate) fn down(engine: &dyn Engine, folder: &Path, wipe: bool) -> anyhow::Result<()> {
    let ending: &[&str] = if wipe { &["rm", "--stop", "--force", "--volumes"] } else { &["stop"] };
    ensure!(
        succeeds(compose(folder)?.args(ending).arg(engine.name()))?,
        "docker compose could not end {}",
        engine.name()
    );
    Ok(())
}

/// Shows what it said last.
pub(crate) fn logs(engine: &dyn Engine, folder: &Path, lines: usize) -> anyhow::Result<()> {
    let shown = succeeds(compose(folder)?.args(["logs", "--tail", &lines.to_string(), engine.name()]))?;
    ensure!(shown, "docker compose does not show the log of {}", engine.name());
    Ok(())
}

//! What is different from engine to engine. Starting, waiting and ending are the same for all.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use super::account::Account;

/// An engine. A new one is a file beside `postgres.rs`, a line in [`super::ENGINES`], a service in
/// `deploy/compose.yaml` and a version in `deploy/versions.env`.
pub(crate) trait Engine: Sync {
    /// Its name, also that of its service in `deploy/compose.yaml`.
    fn name(&self) -> &'static str;

    /// Installs what is missing, makes what it needs below its folder where there is none, clears away what a killed
    /// predecessor left. It does not run then.
    fn prepare(&self, home: &Home) -> anyhow::Result<Launch>;

    /// Whether it answers to what it is for, not merely listens; else why it does not yet.
    fn answers(&self, url: &str) -> anyhow::Result<()>;

    /// From the gentlest to the last, with the time that each is given.
    fn endings(&self) -> &'static [(Signal, Duration)];

    /// Whether its log says that it could not start for a reason that passes: somebody else took its port meanwhile, or
    /// what a killed predecessor left is still going away.
    fn may_try_again(&self, log: &str) -> bool;

    /// The port of its container, and how it is reached once that is at a port of this machine.
    fn container(&self) -> Container;
}

/// Where an engine lives.
pub(crate) struct Home {
    /// Its folder, which its user can reach and write.
    pub(crate) folder: PathBuf,
    /// Its user.
    pub(crate) account: Account,
    /// Whether it ends when this program does.
    pub(crate) with_us: bool,
}

/// How to start an engine.
pub(crate) struct Launch {
    pub(crate) command: Command,
    /// How it will be reached.
    pub(crate) url: String,
}

/// What is to be known of an engine in a container.
pub(crate) struct Container {
    pub(crate) port: u16,
    /// The variable of `deploy/compose.yaml` that takes its password.
    pub(crate) password_variable: &'static str,
    /// From a password and the address at which this machine reaches it.
    pub(crate) url: fn(password: &str, address: &str) -> String,
}

/// A port of the loopback that nobody uses now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

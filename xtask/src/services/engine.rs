//! What is different from engine to engine. Starting, waiting and ending are the same for all.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::account::Account;
use super::record::Address;

/// An engine. A new one is a file beside `postgres.rs`, a line in [`super::ENGINES`], a service in
/// `deploy/compose.yaml` and a version in `deploy/versions.env`; one that runs on Java has a pom in `deploy/`, too.
pub(crate) trait Engine: Sync {
    /// Its name, also that of its service in `deploy/compose.yaml`.
    fn name(&self) -> &'static str;

    /// As whom it runs.
    fn account(&self) -> anyhow::Result<Account>;

    /// Installs what is missing, makes what it needs below its folder where there is none, clears away what a killed
    /// predecessor left. It does not run then.
    fn prepare(&self, home: &Home) -> anyhow::Result<Launch>;

    /// Whether it answers to what it is for, not merely listens; else why it does not yet.
    fn answers(&self, address: &Address) -> anyhow::Result<()>;

    /// From the gentlest to the last, with the time that each is given.
    fn endings(&self) -> &'static [(Signal, Duration)];

    /// Whether its log says that it could not start for a reason that passes: somebody else took its port meanwhile, or
    /// what a killed predecessor left is still going away.
    fn may_try_again(&self, log: &str) -> bool;

    /// What is to be known of its container.
    fn container(&self) -> Container;
}

/// Where an engine lives.
pub(crate) struct Home {
    /// Its folder, which its user can reach and write.
    pub(crate) folder: PathBuf,
    /// Where what was downloaded is kept, for all folders of engines.
    pub(crate) downloads: PathBuf,
    /// Its user.
    pub(crate) account: Account,
    /// What it is sent when this program ends, if it is to end then.
    pub(crate) with_us: Option<Signal>,
}

/// How to start an engine.
pub(crate) struct Launch {
    pub(crate) command: Command,
    /// How it will be reached.
    pub(crate) address: Address,
}

/// What is to be known of an engine in a container.
pub(crate) struct Container {
    pub(crate) port: ContainerPort,
    /// The variable of `deploy/compose.yaml` that takes its password, if it has one.
    pub(crate) password_variable: Option<&'static str>,
    /// From a password and the host and port at which this machine reaches it.
    pub(crate) address: fn(password: &str, reached: &str) -> Address,
}

/// At which port of this machine a container is.
pub(crate) enum ContainerPort {
    /// At any; this is the one within the container.
    Any(u16),
    /// At one that is chosen beforehand and put into this variable, because the engine tells its clients where it is.
    Chosen(&'static str),
}

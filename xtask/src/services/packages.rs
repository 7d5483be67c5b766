//! Programs that the operating system's packages bring.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

use super::is_program;

/// Engines are prepared side by side, and apt-get does not wait for another one.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the packages of those programs that are not there.
pub(crate) fn need(programs: &[(&str, &'static str)]) -> anyhow::Result<()> {
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| !is_program(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() { Ok(()) } else { apt_get_install(&missing) }
}

/// Installs packages with apt-get, as root or through sudo.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    apt_get_install(packages)
}

fn apt_get_install(packages: &[&str]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    if !is_program("apt-get") {
        bail!("{list} must be installed, and there is no apt-get that could do it: install it by hand");
    }
    println!("installing {list} with apt-get");
    let update = apt_get(&["update", "-q"])?.status().context("starting apt-get")?;
    ensure!(update.success(), "apt-get update failed (see above): is there a network? Or install {list} by hand");
    let mut install = apt_get(&["install", "-qy", "--no-install-recommends"])?;
    let install = install.args(packages).status().context("starting apt-get")?;
    ensure!(install.success(), "apt-get could not install {list} (see above)");
    Ok(())
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = as_root("apt-get", "packages can be installed by root only")?;
    command.args(arguments);
    Ok(command)
}

/// A program run as root.
pub(crate) fn as_root(program: &str, why: &str) -> anyhow::Result<Command> {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("env");
        command.args(["DEBIAN_FRONTEND=noninteractive", program]);
        return Ok(command);
    }
    let may = Command::new("sudo").args(["-n", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        bail!("{why}, and sudo asks for a password or is missing: install what is needed by hand");
    }
    let mut command = Command::new("sudo");
    command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", program]);
    Ok(command)
}

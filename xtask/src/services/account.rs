//! As whom an engine runs. Some refuse root, so root lends them an ordinary user.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use rustix::process::Signal;

/// Users that are there on every Debian, the better one first.
const ORDINARY: [&str; 2] = ["postgres", "nobody"];

/// The user that an engine runs as.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// Whoever runs this program.
    Own,
    /// Another one, because this program is root.
    Lent { name: String, user: u32, group: u32 },
}

impl Account {
    /// One that is not root.
    pub(crate) fn ordinary() -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        let find = |name: &str| users.lines().find_map(|line| Self::of_line(line).filter(|found| found.is(name)));
        ORDINARY.into_iter().find_map(find).with_context(|| {
            format!("engines refuse to run as root, and none of the users {} is there", ORDINARY.join(", "))
        })
    }

    /// A line of passwd(5).
    fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let mut fields = fields.skip(1);
        Some(Self::Lent { name, user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    }

    fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Lent { name, .. } if name == wanted)
    }

    /// A program that runs as this user. With `with_us` it gets that signal when this program ends, however it ends.
    pub(crate) fn command(&self, program: &Path, with_us: Option<Signal>) -> anyhow::Result<Command> {
        if with_us.is_none() && matches!(self, Self::Own) {
            return Ok(Command::new(program));
        }
        if !super::is_program("setpriv") {
            bail!("setpriv is missing; it is in the package util-linux");
        }
        let mut command = Command::new("setpriv");
        if let Self::Lent { user, group, .. } = self {
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
        }
        if let Some(signal) = with_us {
            command.arg(format!("--pdeathsig={}", name_of(signal)?));
        }
        command.arg("--").arg(program);
        Ok(command)
    }

    /// Gives a file or folder to this user.
    pub(crate) fn give(&self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Lent { name, user, group } => chown(path, Some(*user), Some(*group))
                .with_context(|| format!("giving {} to the user {name}", path.display())),
        }
    }

    /// Whether this user can come to a folder and write there: every folder above it must let everybody through.
    pub(crate) fn reaches(&self, folder: &Path) -> anyhow::Result<bool> {
        let mut probe = self.command(Path::new("test"), None)?;
        probe.arg("-w").arg(folder);
        Ok(probe.status().context("starting test")?.success())
    }
}

/// What setpriv calls a signal. It takes no numbers.
fn name_of(signal: Signal) -> anyhow::Result<&'static str> {
    match signal {
        Signal::INT => Ok("INT"),
        Signal::TERM => Ok("TERM"),
        other => bail!("setpriv is not known to have a name for {other:?}"),
    }
}

//! One process, told from all others also when its number was given away again.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// How often a process that should end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A number alone is no name: the kernel gives it away again. With the time of its start it is one, until the machine
/// starts anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Clock ticks since the machine started, as in proc(5).
    pub(crate) started: u64,
    /// Which start of the machine that was.
    pub(crate) boot: String,
}

impl Identity {
    /// The process that has this number now; none if there is none, or only what is left until its parent asks for it.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Counted behind the name, which may hold spaces and parentheses.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        // Its first thread may be gone while others still have its ports and files.
        let is_gone = |state: &str| matches!(state, "Z" | "X") && threads(pid) <= 1;
        if is_gone(fields.next()?) {
            return None;
        }
        let started = fields.nth(18)?.parse().ok()?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Self { pid, started, boot })
    }

    /// Those that run a program and have a folder as their working folder, which is how an engine is told that was
    /// started and never written down.
    pub(crate) fn at_work_in(folder: &Path, program: &str) -> anyhow::Result<Vec<Self>> {
        let folder = folder.canonicalize().with_context(|| format!("finding {}", folder.display()))?;
        let processes = std::fs::read_dir("/proc").context("reading /proc")?;
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let link = |pid: i32, name: &str| std::fs::read_link(format!("/proc/{pid}/{name}")).ok();
        let is = |pid: &i32| {
            link(*pid, "cwd").is_some_and(|at| at == folder)
                && link(*pid, "exe").is_some_and(|file| file.file_name().is_some_and(|name| name == program))
        };
        Ok(pids.filter(is).filter_map(Self::of).collect())
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Ends it: each signal in turn, with the time that it is given. A process that merely has the same number now is
    /// left alone.
    pub(crate) fn end(&self, signals: &[(Signal, Duration)]) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid).filter(|pid| !pid.is_init()).context("not the number of a process")?;
        for (signal, patience) in signals {
            let deadline = Instant::now() + *patience;
            if self.is_alive() {
                // A process that a test has stopped hears nothing until it goes on.
                for signal in [*signal, Signal::CONT] {
                    match kill_process(pid, signal) {
                        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                        Err(error) => return Err(error).context(format!("ending process {}", self.pid)),
                    }
                }
            }
            while self.is_alive() && Instant::now() < deadline {
                std::thread::sleep(LOOK_EVERY);
            }
            if !self.is_alive() {
                return Ok(());
            }
        }
        bail!("process {} does not end", self.pid)
    }
}

fn threads(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    const AT_ONCE: [(Signal, Duration); 1] = [(Signal::KILL, Duration::from_secs(10))];

    fn sleeper() -> (Child, Identity) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let identity = Identity::of(i32::try_from(child.id()).unwrap()).unwrap();
        (child, identity)
    }

    #[test]
    fn a_process_is_ended() {
        let (mut child, identity) = sleeper();
        assert!(identity.is_alive());
        identity.end(&AT_ONCE).unwrap();
        // Nobody has waited for it yet: what is left of it does not count.
        assert!(!identity.is_alive());
        child.wait().unwrap();
        identity.end(&AT_ONCE).unwrap();
    }

    #[test]
    fn a_stopped_process_is_ended_gently() {
        let (mut child, identity) = sleeper();
        kill_process(Pid::from_raw(identity.pid).unwrap(), Signal::STOP).unwrap();
        identity.end(&[(Signal::TERM, Duration::from_secs(10))]).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_got_the_number_of_another_is_left_alone() {
        let (mut child, identity) = sleeper();
        let earlier = Identity { started: identity.started - 1, ..identity.clone() };
        let before_a_restart = Identity { boot: "another".to_owned(), ..identity.clone() };
        for other in [earlier, before_a_restart] {
            assert!(!other.is_alive());
            other.end(&AT_ONCE).unwrap();
            assert!(identity.is_alive(), "a foreign process was ended");
        }
        identity.end(&AT_ONCE).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_first_process_and_no_process_are_refused() {
        for pid in [0, 1] {
            let identity = Identity { pid, started: 0, boot: String::new() };
            assert!(identity.end(&AT_ONCE).is_err());
        }
    }
}

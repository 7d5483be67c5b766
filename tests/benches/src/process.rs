//! The product as a process, and what the kernel says about it (Linux).

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use it::Program;

use crate::load::{Connection, get};

/// Ticks of a second in `/proc/<pid>/stat`: the same on every Linux of today (proc(5), `USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a command of the product may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(300);

/// Runs a command of the product on a data folder and waits for its end; how long that took.
pub(crate) async fn run_command(data: &Path, arguments: &[&OsStr]) -> anyhow::Result<Duration> {
    let log = data.with_extension("log");
    let mut command = Program::command(data, &log)?;
    let started = Instant::now();
    let status = tokio::time::timeout(COMMAND_DEADLINE, command.args(arguments).status())
        .await
        .with_context(|| format!("{arguments:?} did not end in time"))?
        .context("starting the product")?;
    let took = started.elapsed();
    ensure!(status.success(), "{arguments:?} ended with {status}; {} says why", log.display());
    Ok(took)
}

/// The product, serving `data` in a folder. Killed when it is dropped.
pub(crate) struct Server {
    program: Program,
    /// Where the API answers.
    pub(crate) api: SocketAddr,
    /// From the start of the process until it was ready.
    pub(crate) ready_after: Duration,
    admin: SocketAddr,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, &["--empty"]).await
    }

    /// Starts it with these options and waits until it is ready.
    pub(crate) async fn start_with(folder: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let started = Instant::now();
        let program = Program::start_with(folder, options).await?;
        let ready_after = started.elapsed();
        let address = |url: &str| url.trim_start_matches("http://").parse().with_context(|| format!("address {url:?}"));
        Ok(Self { api: address(program.api())?, admin: address(program.admin())?, ready_after, program })
    }

    /// Kills it and waits until it is gone: only then another one can have the folder.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.program.kill().await
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn terminate(mut self) -> anyhow::Result<()> {
        self.program.terminate()?;
        let status = self.program.wait().await?;
        ensure!(status.success(), "the product ended with {status}");
        Ok(())
    }

    /// Where health, metrics and the operator's endpoints answer.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A client that holds the admin key.
    pub(crate) fn client(&self) -> anyhow::Result<it::Client> {
        self.program.client()
    }

    /// The header that lets commands in.
    pub(crate) fn authorization(&self) -> anyhow::Result<String> {
        let key = std::fs::read_to_string(self.program.data().join("admin-key")).context("reading the admin key")?;
        Ok(format!("Bearer {}", key.trim()))
    }

    /// Processor time that it has used so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.program.id())
    }

    /// A number from a line `name: number` of `/proc/<pid>/<file>`.
    pub(crate) fn kernel_figure(&self, file: &str, name: &str) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/{file}", self.program.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = value.and_then(|value| value.split_whitespace().next()).and_then(|number| number.parse().ok());
        number.with_context(|| format!("{path} has no number {name}"))
    }

    /// A number of its metrics, summed over all labels.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut connection = Connection::open(self.admin).await?;
        let answer = connection.send(&get("/metrics", &[])).await?;
        let text = std::str::from_utf8(answer.body).context("metrics are text")?;
        let figures: Vec<f64> = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        ensure!(!figures.is_empty(), "there is no metric {name}");
        Ok(figures.iter().sum())
    }
}

/// Processor time of a process, its own and the kernel's for it, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    times_of(&pid.to_string(), 14)
}

/// Processor time of all programs that this one started and that have ended, in seconds.
pub(crate) fn ended_programs_cpu_seconds() -> anyhow::Result<f64> {
    times_of("self", 16)
}

/// Processor time of a process, of the programs that it started and of those of them that have ended, in seconds.
pub(crate) fn family_cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let mut all = cpu_seconds(pid)? + times_of(&pid.to_string(), 16)?;
    for entry in std::fs::read_dir("/proc").context("listing the processes")? {
        let name = entry.context("listing the processes")?.file_name();
        let Some(one) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ends meanwhile counts with those that have ended, the next time.
        if parent(one).is_ok_and(|parent| parent == pid) {
            all += cpu_seconds(one).unwrap_or(0.0);
        }
    }
    Ok(all)
}

/// The process that started this one.
pub(crate) fn parent(pid: u32) -> anyhow::Result<u32> {
    let (path, fields) = fields_of(&pid.to_string())?;
    fields.get(1).and_then(|field| field.parse().ok()).with_context(|| format!("{path} names no parent"))
}

/// The sum of two times in `/proc/<pid>/stat`, the first of which is this field (proc(5) counts from 1).
fn times_of(pid: &str, field: usize) -> anyhow::Result<f64> {
    let (path, fields) = fields_of(pid)?;
    let ticks: Vec<f64> = fields.iter().skip(field - 3).take(2).filter_map(|field| field.parse().ok()).collect();
    ensure!(ticks.len() == 2, "{path} has no times");
    Ok((ticks[0] + ticks[1]) / TICKS_PER_SECOND)
}

/// `/proc/<pid>/stat`, and what it says from its third field on.
fn fields_of(pid: &str) -> anyhow::Result<(String, Vec<String>)> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The second field, a name in parentheses, may hold anything.
    let (_, fields) = text.rsplit_once(')').context("the name of a process ends")?;
    let fields = fields.split_whitespace().map(str::to_owned).collect();
    Ok((path, fields))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_what_was_used() {
        let own = std::process::id();
        let (before, started) = (cpu_seconds(own).unwrap(), Instant::now());
        let mut hash = 0_u64;
        // Other tests of this process only add to it.
        while cpu_seconds(own).unwrap() - before < 0.05 {
            hash = std::hint::black_box(hash.wrapping_mul(31).wrapping_add(7));
            assert!(started.elapsed() < Duration::from_secs(60), "busy for a minute and no time was seen");
        }
    }
}

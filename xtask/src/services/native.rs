//! An engine as a process of this machine.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Services;
use super::account::Account;
use super::beside::Spawner;
use super::engine::{Engine, Home};
use super::identity::Identity;
use super::record::{Address, Locked, Record, RunsAs};

/// How long an engine may take until it answers. An idle machine needs some seconds; one that builds and tests many things
/// at once has been seen to need half a minute.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// How often an engine that starts is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How often a start is tried that fails for a reason that passes, and the time between.
const TRIES: usize = 20;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Lines of a log that are shown with a failure.
const FAILURE_LINES: usize = 15;
/// Where engines live whose user cannot come to the folder of the services.
const ELSEWHERE: &str = "/var/tmp";

/// Starts an engine that does not run, writes it down and waits until it answers.
pub(super) fn start(
    engine: &dyn Engine,
    services: &Services,
    locked: &Locked<'_>,
    with_us: bool,
    spawner: &Spawner,
) -> anyhow::Result<()> {
    let folder = &services.folder;
    let account = engine.account()?;
    let with_us = if with_us { engine.endings().first().map(|(signal, _)| *signal) } else { None };
    let home =
        Home { folder: home(engine, folder, &account)?, downloads: services.downloads.clone(), account, with_us };
    for attempt in 1.. {
        let launch = engine.prepare(&home)?;
        let mut command = launch.command;
        let log = log_file(engine, folder);
        if log.exists() {
            std::fs::rename(&log, log.with_extension("previous.log")).context("keeping the log of an earlier run")?;
        }
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        command.stdin(std::process::Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own: what the terminal sends to this program is not for the engine.
        command.process_group(0);
        let mut child = spawner.spawn(command).with_context(|| format!("starting {}", engine.name()))?;
        let process = Identity::of(i32::try_from(child.id())?);
        let record =
            process.map(|process| Record { address: launch.address.clone(), runs_as: RunsAs::Process(process) });
        locked.keep(engine.name(), record.clone())?;
        println!("{}: starting", engine.name());
        let Err(error) = wait(engine, &launch.address, || matches!(child.try_wait(), Ok(None))) else {
            return Ok(());
        };
        if let Some(Record { runs_as: RunsAs::Process(process), .. }) = record {
            process.end(engine.endings())?;
        }
        child.wait().context("waiting for its end")?;
        locked.keep(engine.name(), None)?;
        let said = last_lines(engine, folder, FAILURE_LINES);
        if attempt == TRIES || !engine.may_try_again(&said) {
            return Err(error).with_context(|| format!("{} does not start; it said:\n{said}", engine.name()));
        }
        std::thread::sleep(TRY_AGAIN_AFTER);
    }
    unreachable!("the last attempt returns")
}

/// Waits until an engine answers; not longer than it runs.
pub(super) fn wait(engine: &dyn Engine, address: &Address, mut runs: impl FnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let Err(error) = engine.answers(address) else { return Ok(()) };
        if !runs() {
            bail!("it ended at once");
        }
        if Instant::now() >= deadline {
            return Err(error).with_context(|| format!("it does not answer after {READY_WITHIN:?}"));
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// Removes what an engine stored.
pub(super) fn wipe(engine: &dyn Engine, folder: &Path) -> anyhow::Result<()> {
    let account = engine.account()?;
    let home = home(engine, folder, &account)?;
    std::fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
    println!("{}: what it stored is removed", engine.name());
    Ok(())
}

/// The last lines of its log.
pub(super) fn last_lines(engine: &dyn Engine, folder: &Path, lines: usize) -> String {
    let Ok(log) = std::fs::read(log_file(engine, folder)) else { return "nothing yet".to_owned() };
    let log = String::from_utf8_lossy(&log);
    let all: Vec<&str> = log.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn log_file(engine: &dyn Engine, folder: &Path) -> PathBuf {
    folder.join(format!("{}.log", engine.name()))
}

/// The engine's folder: below that of the services, if its user can come there, else where everybody can.
fn home(engine: &dyn Engine, folder: &Path, account: &Account) -> anyhow::Result<PathBuf> {
    let here = std::path::absolute(folder.join(engine.name())).context("finding the folder of the services")?;
    make(&here, account)?;
    if account.reaches(&here)? {
        return Ok(here);
    }
    let mut name = DefaultHasher::new();
    here.hash(&mut name);
    let elsewhere = Path::new(ELSEWHERE).join(format!("lawless-{}-{:016x}", engine.name(), name.finish()));
    println!("{}: its user cannot come to {}, so it lives in {}", engine.name(), here.display(), elsewhere.display());
    make(&elsewhere, account)?;
    ensure!(account.reaches(&elsewhere)?, "nor can it come to {}", elsewhere.display());
    Ok(elsewhere)
}

/// Makes a folder for a user, or takes the one that is there, if nobody else could have put it there.
fn make(folder: &Path, account: &Account) -> anyhow::Result<()> {
    match std::fs::create_dir_all(folder.parent().context("it lies in a folder")?)
        .and_then(|()| std::fs::create_dir(folder))
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("making {}", folder.display()));
        }
        _ => {}
    }
    let is = std::fs::symlink_metadata(folder).with_context(|| format!("looking at {}", folder.display()))?;
    let own = rustix::process::geteuid().as_raw();
    let lent = match account {
        Account::Own => own,
        Account::Lent { user, .. } => *user,
    };
    ensure!(is.is_dir() && [own, lent].contains(&is.uid()), "{} belongs to somebody else", folder.display());
    account.give(folder)
}

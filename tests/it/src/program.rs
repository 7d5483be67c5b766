//! The program as a user starts it: a process with a data folder, on ports that the system chooses.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::client::Client;

/// A program that is not ready by then never will be.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Lines of its log that go into an error.
const LOG_LINES: usize = 30;

/// Where the built program is: beside the program or test that runs now, so of the same profile.
///
/// # Errors
/// It is not built; the error says how to.
pub fn lawless() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe().context("finding the program that runs now")?;
    let folder = me.parent().context("a program lies in a folder")?;
    // Tests lie in `deps`.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join("lawless");
    ensure!(
        program.is_file(),
        "{} is not built; `cargo xtask test` builds it, or `cargo build --profile ci --package lawless`",
        program.display()
    );
    Ok(program)
}

/// A running program. Killed when dropped.
pub struct Program {
    child: Child,
    folder: PathBuf,
    log: PathBuf,
    api: String,
    admin: String,
    http: reqwest::Client,
}

impl Program {
    /// Starts the program on `<folder>/data`, without a demo, and waits until it is ready. Its log is `<folder>/log`.
    ///
    /// # Errors
    /// It ended, or was not ready in time; the error holds the end of its log.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, &["--empty"]).await
    }

    /// Like [`Program::start`], with these options besides the data folder and the ports.
    ///
    /// # Errors
    /// As there.
    pub async fn start_with(folder: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let mut program = Self::begin_with(folder, options).await?;
        program.wait_until(|| None, Self::is_ready).await?;
        Ok(program)
    }

    /// Like [`Program::start_with`], but it may not be ready yet.
    ///
    /// # Errors
    /// It ended, or did not announce where it answers.
    pub async fn begin_with(folder: &Path, options: &[&str]) -> anyhow::Result<Self> {
        let data = folder.join("data");
        // What a killed program announced must not be taken for the new one's word.
        let announcement = data.join("admin.addr");
        if announcement.exists() {
            std::fs::remove_file(&announcement).context("removing an old announcement")?;
        }
        let log = folder.join("log");
        let child = Self::command(&data, &log)?.args(options).spawn().context("starting the program")?;
        let mut program = Self {
            child,
            folder: folder.to_owned(),
            log,
            api: String::new(),
            admin: String::new(),
            http: reqwest::Client::new(),
        };
        let announced = || addresses_announced(&std::fs::read_to_string(&announcement).ok()?);
        program.wait_until(announced, async |_| true).await?;
        Ok(program)
    }

    /// Starts a process with one role on `<folder>/data` and waits until it is ready. Its log is `<folder>/<name>.log`, where
    /// it says where it answers.
    ///
    /// # Errors
    /// As with [`Program::start`].
    pub async fn start_role(folder: &Path, role: &str, name: &str, options: &[&str]) -> anyhow::Result<Self> {
        let mut program = Self::begin_role(folder, role, name, options).await?;
        program.wait_until(|| None, Self::is_ready).await?;
        Ok(program)
    }

    /// Like [`Program::start_role`], but it may not be ready yet.
    ///
    /// # Errors
    /// It ended, or did not say where it answers.
    pub async fn begin_role(folder: &Path, role: &str, name: &str, options: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        if log.exists() {
            std::fs::remove_file(&log).context("removing an old log")?;
        }
        let child = Self::command(&folder.join("data"), &log)?
            .args(options)
            .arg(role)
            .spawn()
            .context("starting the program")?;
        let mut program = Self {
            child,
            folder: folder.to_owned(),
            log,
            api: String::new(),
            admin: String::new(),
            http: reqwest::Client::new(),
        };
        let log = program.log.clone();
        program.wait_until(|| addresses_said(&std::fs::read_to_string(&log).ok()?), async |_| true).await?;
        Ok(program)
    }

    /// The command that starts the program on a data folder, with nothing of this process's environment that it heeds.
    ///
    /// # Errors
    /// It is not built, or the log cannot be made.
    pub fn command(data: &Path, log: &Path) -> anyhow::Result<Command> {
        let log = File::options().create(true).append(true).open(log).context("making the log")?;
        let mut command = Command::new(lawless()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAWLESS_")) {
            command.env_remove(name);
        }
        command
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the log")?)
            .stderr(log)
            .kill_on_drop(true);
        Ok(command)
    }

    async fn is_ready(&self) -> bool {
        self.http.get(format!("{}/readyz", self.admin)).send().await.is_ok_and(|answer| answer.status() == 200)
    }

    /// `addresses` tells where the admin listener and the API are, once that is known.
    async fn wait_until(
        &mut self,
        addresses: impl Fn() -> Option<(String, String)>,
        is_enough: impl AsyncFn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("asking how the program fares")? {
                bail!("the program ended with {status} before it was ready\n{}", self.log_end());
            }
            if self.admin.is_empty() {
                if let Some((admin, api)) = addresses() {
                    (self.admin, self.api) = (format!("http://{admin}"), format!("http://{api}"));
                    continue;
                }
            } else if is_enough(self).await {
                return Ok(());
            }
            if started.elapsed() > READY_DEADLINE {
                bail!("the program was not ready after {READY_DEADLINE:?}\n{}", self.log_end());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Where the API answers, `http://…` without a slash at the end.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Where health and metrics answer.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A client that holds the admin key.
    ///
    /// # Errors
    /// The data folder holds no key.
    pub fn client(&self) -> anyhow::Result<Client> {
        let key = std::fs::read_to_string(self.data().join("admin-key")).context("reading the admin key")?;
        Ok(Client::new(&self.api, Some(key.trim())))
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// Kills it at once, with no chance to tidy up, and waits until it is gone.
    ///
    /// # Errors
    /// The system refuses.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing the program")
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// The system refuses.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM).context("asking the program to end")
    }

    /// Holds it, as a machine that is suspended does (SIGSTOP).
    ///
    /// # Errors
    /// The system refuses.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP).context("holding the program")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT).context("letting the program go on")
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid =
            Pid::from_raw(i32::try_from(self.id()).context("the id of a process")?).context("a process has an id")?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It did not end in time.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        match tokio::time::timeout(READY_DEADLINE, self.child.wait()).await {
            Ok(status) => status.context("waiting for the program"),
            Err(_) => bail!("the program did not end within {READY_DEADLINE:?}\n{}", self.log_end()),
        }
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

/// Both lines with their ends: a half-written announcement is none yet.
fn addresses_announced(text: &str) -> Option<(String, String)> {
    match text.split_inclusive('\n').collect::<Vec<_>>()[..] {
        [admin, api] if api.ends_with('\n') => Some((admin.trim().to_owned(), api.trim().to_owned())),
        _ => None,
    }
}

/// `Answering reads on http://… after 0.1 s. Health: http://…/readyz and /metrics`. A role without an API names none.
fn addresses_said(log: &str) -> Option<(String, String)> {
    let (before, health) = log.split_once("Health: http://")?;
    let admin = health.split_once('/')?.0.to_owned();
    let api = before.rsplit_once("http://").and_then(|(_, api)| api.split_whitespace().next()).unwrap_or(&admin);
    Some((admin.clone(), api.to_owned()))
}

//! Two processes of each role, on one journal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use it::{Client, Program};
use tempfile::TempDir;
use tokio::process::Command;

/// Processes of each role.
pub(crate) const OF_EACH: usize = 2;

/// A process that does not come back by then never will. Cassandra takes the longest to be found again.
const READY_DEADLINE: Duration = Duration::from_secs(90);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Nothing that is asked takes as long.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    CommandApi,
    Relay,
    Projectors,
    QueryApi,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::CommandApi, Self::Relay, Self::Projectors, Self::QueryApi];

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::Relay => "relay",
            Self::Projectors => "projectors",
            Self::QueryApi => "query-api",
        }
    }
}

/// Where clients find the processes of the two roles that they talk to. Addresses change when a process begins anew.
#[derive(Clone)]
pub(crate) struct Doors {
    commands: Arc<RwLock<[Option<Client>; OF_EACH]>>,
    reads: Arc<RwLock<[Option<Client>; OF_EACH]>>,
}

impl Doors {
    /// A client of a process; `None` while there is none.
    pub(crate) fn command_api(&self, index: usize) -> Option<Client> {
        self.commands.read().expect("nobody panics with it")[index % OF_EACH].clone()
    }

    /// As [`Self::command_api`].
    pub(crate) fn query_api(&self, index: usize) -> Option<Client> {
        self.reads.read().expect("nobody panics with it")[index % OF_EACH].clone()
    }
}

/// All processes.
pub(crate) struct Fleet {
    folder: TempDir,
    programs: [[Option<Program>; OF_EACH]; Role::ALL.len()],
    doors: Doors,
    key: String,
}

impl Fleet {
    /// Makes the tables of the journal and starts all processes.
    ///
    /// # Errors
    /// One of them does not start.
    pub(crate) async fn start(settings: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        std::fs::write(folder.path().join("lawless.toml"), settings).context("writing the settings")?;
        run(Command::new(it::lawless()?).arg("migrate").arg("--config").arg(folder.path().join("lawless.toml")))
            .await?;
        let keys = folder.path().join("keys");
        run(Command::new(it::lawless()?).args(["keys", "new"]).arg(&keys)).await?;
        let key = std::fs::read_to_string(keys.join("admin-key")).context("reading the admin key")?.trim().to_owned();
        let doors = Doors { commands: Arc::default(), reads: Arc::default() };
        let mut fleet = Self { folder, programs: Default::default(), doors, key };
        for index in 0..OF_EACH {
            for role in Role::ALL {
                fleet.begin(role, index).await?;
            }
        }
        Ok(fleet)
    }

    pub(crate) fn doors(&self) -> Doors {
        self.doors.clone()
    }

    /// The data folder of a process.
    pub(crate) fn data(&self, role: Role, index: usize) -> PathBuf {
        self.place(role, index).join("data")
    }

    fn place(&self, role: Role, index: usize) -> PathBuf {
        self.folder.path().join(format!("{}-{index}", role.name()))
    }

    /// Starts a process that is not there. It may not be ready yet.
    pub(crate) async fn begin(&mut self, role: Role, index: usize) -> anyhow::Result<()> {
        let place = self.place(role, index);
        share_keys(&self.folder.path().join("keys"), &place.join("data"))?;
        let settings = self.folder.path().join("lawless.toml");
        let options = ["--config", settings.to_str().context("a path of ours is text")?];
        // The log of each process that was is kept: its end may be what one wants to read.
        let lives = std::fs::read_dir(&place).context("looking for logs")?.count();
        let program = Program::begin_role(&place, role.name(), &format!("life-{lives}"), &options).await?;
        let client = Client::new(program.api(), Some(&self.key));
        self.open_door(role, index, Some(client));
        self.programs[role as usize][index] = Some(program);
        Ok(())
    }

    fn open_door(&self, role: Role, index: usize, client: Option<Client>) {
        let doors = match role {
            Role::CommandApi => &self.doors.commands,
            Role::QueryApi => &self.doors.reads,
            Role::Relay | Role::Projectors => return,
        };
        doors.write().expect("nobody panics with it")[index] = client;
    }

    fn program(&self, role: Role, index: usize) -> anyhow::Result<&Program> {
        self.programs[role as usize][index].as_ref().context("that process is not there")
    }

    /// SIGSTOP.
    pub(crate) fn pause(&self, role: Role, index: usize) -> anyhow::Result<()> {
        self.program(role, index)?.pause()
    }

    /// SIGCONT.
    pub(crate) fn resume(&self, role: Role, index: usize) -> anyhow::Result<()> {
        self.program(role, index)?.resume()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self, role: Role, index: usize) -> anyhow::Result<()> {
        let program = self.programs[role as usize][index].take().context("that process is not there")?;
        program.kill().await
    }

    /// SIGTERM; it must end by itself, and well.
    pub(crate) async fn end(&mut self, role: Role, index: usize) -> anyhow::Result<()> {
        let mut program = self.programs[role as usize][index].take().context("that process is not there")?;
        program.terminate()?;
        let status = program.wait().await?;
        ensure!(status.success(), "{} ended with {status} after SIGTERM\n{}", role.name(), program.log_end());
        Ok(())
    }

    /// Waits until a process says that it is ready.
    pub(crate) async fn wait_ready(&self, role: Role, index: usize) -> anyhow::Result<()> {
        let program = self.program(role, index)?;
        let vitals = Client::new(program.admin(), None);
        let begun = Instant::now();
        loop {
            let said = match tokio::time::timeout(ANSWER_DEADLINE, vitals.get("/readyz", &[])).await {
                Ok(Ok(answer)) if answer.status == 200 => return Ok(()),
                Ok(Ok(answer)) => answer.text(),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "nothing".to_owned(),
            };
            ensure!(
                begun.elapsed() < READY_DEADLINE,
                "{} {index} does not become ready; it says {said}\n{}",
                role.name(),
                program.log_end()
            );
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Waits until all are ready.
    pub(crate) async fn wait_all_ready(&self) -> anyhow::Result<()> {
        for role in Role::ALL {
            for index in 0..OF_EACH {
                self.wait_ready(role, index).await?;
            }
        }
        Ok(())
    }

    /// Ends all of them.
    pub(crate) async fn end_all(&mut self) -> anyhow::Result<()> {
        for role in Role::ALL {
            for index in 0..OF_EACH {
                self.end(role, index).await?;
            }
        }
        Ok(())
    }

    /// Keeps the folder, for whoever wants to know what happened.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

fn share_keys(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).context("making a data folder")?;
    for key in ["admin-key", "cursor-key"].into_iter().filter(|key| !to.join(key).exists()) {
        std::fs::copy(from.join(key), to.join(key)).context("copying a key")?;
    }
    Ok(())
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().await.context("starting the program")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

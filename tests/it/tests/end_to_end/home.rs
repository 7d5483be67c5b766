//! Where a program keeps what it has, in either mode.

use std::path::Path;

use contracts::database::Database;
use contracts::keyspace::Keyspace;
use contracts::services;
use it::Program;
use tempfile::TempDir;
use tokio::process::Command;

/// Which engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Embedded,
    Distributed,
    /// Distributed, with finished rows in a CQL store.
    Published,
}

/// A folder, and in mode distributed a database.
pub(crate) struct Home {
    folder: TempDir,
    database: Option<Database>,
    keyspace: Option<Keyspace>,
}

impl Home {
    /// A new one, with nothing in it.
    pub(crate) async fn new(mode: Mode) -> Self {
        Self::with(mode, "").await
    }

    /// A new one, with settings of its own.
    pub(crate) async fn with(mode: Mode, settings: &str) -> Self {
        let brokers = if mode == Mode::Embedded { String::new() } else { services::kafka() };
        Self::made(mode, &brokers, settings).await
    }

    /// A new one in mode distributed, on a broker of its own.
    pub(crate) async fn on(brokers: &str, settings: &str) -> Self {
        Self::made(Mode::Distributed, brokers, settings).await
    }

    async fn made(mode: Mode, brokers: &str, settings: &str) -> Self {
        match mode {
            Mode::Embedded => Self { folder: tempfile::tempdir().unwrap(), database: None, keyspace: None },
            Mode::Distributed => Self::of(Database::new().await, brokers, "", settings).await,
            Mode::Published => {
                let keyspace = Keyspace::new();
                let settings = format!("{settings}{}", published_in(&keyspace));
                let home = Self::of(Database::new().await, brokers, "", &settings).await;
                Self { keyspace: Some(keyspace), ..home }
            }
        }
    }

    /// A new one in an empty database, with these settings of the journal.
    pub(crate) async fn in_database(database: Database, journal: &str) -> Self {
        Self::of(database, &services::kafka(), journal, "").await
    }

    async fn of(database: Database, brokers: &str, journal: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("mode = \"distributed\"\n[journal]\nurl = \"{}\"\n{journal}", database.url);
        let text = format!("{text}[kafka]\nbrokers = \"{brokers}\"\n{settings}");
        std::fs::write(folder.path().join("lawless.toml"), text).unwrap();
        let home = Self { folder, database: Some(database), keyspace: None };
        let mut migrate = Command::new(it::lawless().unwrap());
        let output = migrate.arg("migrate").arg("--config").arg(home.settings()).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        make_keys(&home.folder().join("data")).await;
        home
    }

    /// Where rows are published.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        self.keyspace.as_ref().unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn settings(&self) -> std::path::PathBuf {
        self.folder().join("lawless.toml")
    }

    /// Gives these keys to all programs that are started from now on.
    pub(crate) fn give_keys(&self, keys: &Path) {
        let text = std::fs::read_to_string(self.settings()).unwrap();
        let (admin, cursor) = (keys.join("admin-key"), keys.join("cursor-key"));
        let given = format!("[keys]\nadmin_key_file = {admin:?}\ncursor_key_file = {cursor:?}\n");
        std::fs::write(self.settings(), text + &given).unwrap();
    }

    /// Starts a program here.
    pub(crate) async fn start(&self) -> Program {
        self.start_in(self.folder()).await
    }

    /// Starts a process with one role here; its log has a name of its own.
    pub(crate) async fn start_role(&self, role: &str, name: &str) -> Program {
        let settings = self.settings();
        Program::start_role(self.folder(), role, name, &["--config", settings.to_str().unwrap()]).await.unwrap()
    }

    /// Starts a process with one role on another data folder, with the same keys; it may not be ready yet.
    pub(crate) async fn begin_role(&self, folder: &Path, role: &str, name: &str) -> Program {
        if folder != self.folder() {
            share_keys(&self.folder().join("data"), &folder.join("data"));
        }
        let settings = self.settings();
        Program::begin_role(folder, role, name, &["--config", settings.to_str().unwrap()]).await.unwrap()
    }

    /// Starts a program on another data folder, and the same database, with the same keys.
    pub(crate) async fn start_in(&self, folder: &Path) -> Program {
        self.try_start_in(folder).await.unwrap()
    }

    /// Starts a program here; it may not be ready yet.
    pub(crate) async fn begin(&self) -> Program {
        let settings = self.settings();
        Program::begin_with(self.folder(), &["--empty", "--config", settings.to_str().unwrap()]).await.unwrap()
    }

    /// Starts a program here, if it wants to.
    pub(crate) async fn try_start(&self) -> anyhow::Result<Program> {
        self.try_start_in(self.folder()).await
    }

    async fn try_start_in(&self, folder: &Path) -> anyhow::Result<Program> {
        let settings = self.settings();
        let mut options = vec!["--empty"];
        if self.database.is_some() {
            if folder != self.folder() {
                share_keys(&self.folder().join("data"), &folder.join("data"));
            }
            options.extend(["--config", settings.to_str().unwrap()]);
        }
        Program::start_with(folder, &options).await
    }
}

/// Settings of a program whose rows are published there.
pub(crate) fn published_in(keyspace: &Keyspace) -> String {
    let (nodes, name) = (keyspace.options.nodes.join(","), &keyspace.options.keyspace);
    format!("[cql]\ncontact_points = \"{nodes}\"\nkeyspace = \"{name}\"\n")
}

fn share_keys(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for key in ["admin-key", "cursor-key"].into_iter().filter(|key| !to.join(key).exists()) {
        std::fs::copy(from.join(key), to.join(key)).unwrap();
    }
}

/// Both keys, in a folder: of mode distributed programs make none by themselves.
pub(crate) async fn make_keys(folder: &Path) {
    let output = Command::new(it::lawless().unwrap()).args(["keys", "new"]).arg(folder).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

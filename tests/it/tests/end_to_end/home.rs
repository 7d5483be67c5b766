//! Where a program keeps what it has, in either mode.

use std::path::Path;

use contracts::database::Database;
use it::Program;
use tempfile::TempDir;
use tokio::process::Command;

/// Which engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Embedded,
    Distributed,
}

/// A folder, and in mode distributed a database.
pub(crate) struct Home {
    folder: TempDir,
    database: Option<Database>,
}

impl Home {
    /// A new one, with nothing in it.
    pub(crate) async fn new(mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = match mode {
            Mode::Embedded => None,
            Mode::Distributed => Some(Database::new().await),
        };
        let home = Self { folder, database };
        if let Some(database) = &home.database {
            write_settings(home.folder(), &database.url);
            let mut migrate = Command::new(it::lawless().unwrap());
            let output = migrate.arg("migrate").arg("--config").arg(home.settings()).output().await.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        home
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> std::path::PathBuf {
        self.folder().join("lawless.toml")
    }

    /// Starts a program here.
    pub(crate) async fn start(&self) -> Program {
        self.start_in(self.folder()).await
    }

    /// Starts a program on another data folder, and the same database.
    pub(crate) async fn start_in(&self, folder: &Path) -> Program {
        let settings = self.settings();
        let mut options = vec!["--empty"];
        if self.database.is_some() {
            options.extend(["--config", settings.to_str().unwrap()]);
        }
        Program::start_with(folder, &options).await.unwrap()
    }
}

fn write_settings(folder: &Path, url: &str) {
    let text = format!("mode = \"distributed\"\n[journal]\nurl = \"{url}\"\n");
    std::fs::write(folder.join("lawless.toml"), text).unwrap();
}

//! What runs, kept in `services.toml`: for those who come later, and for the tests.

use std::collections::BTreeMap;
use std::fs::{File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::identity::Identity;

/// How long another `cargo xtask` may be busy with the services.
const LOCK_WITHIN: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Who runs an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunsAs {
    /// A process that was started here.
    Process(Identity),
    /// A container of `deploy/compose.yaml`.
    Container,
}

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Address {
    /// All that there is to know.
    Url(String),
    /// Host and port of one that tells its clients where else to go.
    Bootstrap(String),
}

impl Address {
    /// What stands in the file.
    pub(crate) fn text(&self) -> &str {
        let (Self::Url(text) | Self::Bootstrap(text)) = self;
        text
    }
}

/// An engine that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) address: Address,
    pub(crate) runs_as: RunsAs,
}

/// The engines that were started and not yet ended, by name.
pub(crate) type Records = BTreeMap<String, Record>;

/// The folder of all services. Whoever holds this is the only one who changes anything in it.
pub(crate) struct Locked<'f> {
    folder: &'f Path,
    _lock: File,
    /// Engines start side by side, and each writes itself down.
    writing: Mutex<()>,
}

/// Where the connection data of a folder of services is.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join("services.toml")
}

/// What is written down. Reading needs no lock: the file is replaced whole.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Records> {
    match std::fs::read_to_string(file(folder)) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("understanding {}", file(folder).display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Records::new()),
        Err(error) => Err(error).with_context(|| format!("reading {}", file(folder).display())),
    }
}

/// Waits until no other process holds the lock of this file. It ends with the process that holds it, or with the value.
pub(crate) fn lock(path: &Path, within: Duration, what: &str) -> anyhow::Result<File> {
    let lock = File::options().create(true).truncate(false).write(true).open(path);
    let lock = lock.with_context(|| format!("opening {}", path.display()))?;
    let deadline = Instant::now() + within;
    let mut told = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                bail!("another `cargo xtask` {what}, for more than {within:?}")
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    println!("waiting: another `cargo xtask` {what}");
                }
                std::thread::sleep(LOOK_EVERY);
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
    }
}

impl<'f> Locked<'f> {
    /// Waits until nobody else changes anything. The lock ends with the process that holds it.
    pub(crate) fn new(folder: &'f Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let lock = lock(&folder.join("lock"), LOCK_WITHIN, "starts or ends services")?;
        Ok(Self { folder, _lock: lock, writing: Mutex::new(()) })
    }

    /// Writes down that an engine was started, or with `None` that it has ended.
    pub(crate) fn keep(&self, name: &str, record: Option<Record>) -> anyhow::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = read(self.folder)?;
        match record {
            Some(record) => records.insert(name.to_owned(), record),
            None => records.remove(name),
        };
        let text = toml::to_string(&records).context("writing down the services")?;
        let unfinished = self.folder.join("services.toml.new");
        std::fs::write(&unfinished, format!("# Made by `cargo xtask services`; tests read it.\n{text}"))?;
        // It holds passwords, if only of engines that nobody else can reach.
        std::fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
        std::fs::rename(&unfinished, file(self.folder)).context("replacing services.toml")
    }
}

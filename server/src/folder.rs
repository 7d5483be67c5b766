//! The data folder: everything that is kept, used by one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::backup::MANIFEST_FILE;
use crate::config::Mode;
use crate::exit::Refusal;

/// Tells that the journal of the folder's views lies in a database.
const DISTRIBUTED_MARK: &str = "distributed";

/// What may lie in a folder that is still to become one: what a program that was killed left, and keys that it is to share
/// with others.
const LAID_BEFOREHAND: [&str; 4] = ["lock", "format.new", "admin-key", "cursor-key"];

/// Version of the folder's layout.
const LAYOUT: u32 = 1;

/// A data folder that this process holds.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Released when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    /// Takes the folder for this process; makes it if there is none.
    ///
    /// # Errors
    /// [`Refusal::FolderInUse`]; [`Refusal::FolderFormat`] with nothing touched; whatever the file system says.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        check_format(path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data folder {} cannot be made", path.display()))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(|| format!("the data folder {} cannot be written", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refusal::FolderInUse(path.to_owned()).into()),
            Err(TryLockError::Error(e)) => return Err(e).context("the data folder cannot be locked"),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        if !path.join("format").exists() {
            write_private(&path.join("format"), &format_text())?;
        }
        // An address left behind by a killed server must not lead anyone astray.
        folder.forget_addresses()?;
        Ok(folder)
    }

    /// The folder, for a process that leaves it to others to fill it and shares it with them. Made if there is none.
    ///
    /// # Errors
    /// [`Refusal::FolderFormat`] with nothing touched; whatever the file system says.
    pub(crate) fn visit(path: &Path) -> anyhow::Result<PathBuf> {
        check_format(path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data folder {} cannot be made", path.display()))?;
        Ok(path.to_owned())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The journal's file.
    pub(crate) fn journal_file(&self) -> PathBuf {
        self.path.join("journal.sqlite")
    }

    /// Remembers the mode; a folder belongs to one.
    ///
    /// # Errors
    /// [`Refusal::FolderFormat`] if it belongs to the other one; whatever the file system says.
    pub(crate) fn belongs_to(&self, mode: Mode) -> anyhow::Result<()> {
        let mark = self.path.join(DISTRIBUTED_MARK);
        let has = match mode {
            Mode::Embedded => mark.exists().then_some("views of a journal in PostgreSQL (mode distributed)"),
            Mode::Distributed => self.journal_file().exists().then_some("a journal of its own (mode embedded)"),
        };
        if let Some(has) = has {
            let reason = format!("has {has}");
            return Err(Refusal::FolderFormat { folder: self.path.clone(), reason }.into());
        }
        if mode == Mode::Distributed && !mark.exists() {
            write_private(&mark, "")?;
        }
        Ok(())
    }

    /// Where the views live.
    pub(crate) fn views_folder(&self) -> PathBuf {
        views_folder(&self.path)
    }

    /// Says where this process can be reached, for commands that talk to the running server.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn announce(&self, addresses: &Addresses) -> anyhow::Result<()> {
        write_private(&self.path.join("admin.addr"), &format!("{}\n{}\n", addresses.admin, addresses.api))
    }

    /// Takes the announcement back.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn forget_addresses(&self) -> anyhow::Result<()> {
        remove_if_there(&self.path.join("admin.addr"))
    }

    /// The demo that is being filled in, if one is.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn unfinished_demo(&self) -> anyhow::Result<Option<(u64, u64)>> {
        let Some(text) = read_if_there(&self.path.join("demo-unfinished"))? else { return Ok(None) };
        let mut parts = text.split_whitespace().map(str::parse::<u64>);
        match (parts.next(), parts.next()) {
            (Some(Ok(businesses)), Some(Ok(seed))) => Ok(Some((businesses, seed))),
            _ => anyhow::bail!("{}/demo-unfinished is damaged", self.path.display()),
        }
    }

    /// Remembers that a demo is being filled in, so that a kill does not leave half of one for ever.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn begin_demo(&self, businesses: u64, seed: u64) -> anyhow::Result<()> {
        write_private(&self.path.join("demo-unfinished"), &format!("{businesses} {seed}\n"))
    }

    /// The demo is whole.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(crate) fn finish_demo(&self) -> anyhow::Result<()> {
        remove_if_there(&self.path.join("demo-unfinished"))
    }
}

/// Where the views of a data folder live.
pub(crate) fn views_folder(folder: &Path) -> PathBuf {
    folder.join("views")
}

/// Where a running server can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The operator's endpoints.
    pub admin: String,
    /// The API.
    pub api: String,
}

/// What another process finds about the server that holds a folder.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn running_server(path: &Path) -> anyhow::Result<Option<Addresses>> {
    let lock = match File::open(path.join("lock")) {
        Ok(lock) => lock,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("{}/lock cannot be read", path.display())),
    };
    // A shared lock can be had exactly when nobody holds the folder.
    match lock.try_lock_shared() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(e)) => return Err(e).context("the data folder's lock cannot be tried"),
    }
    let Some(text) = read_if_there(&path.join("admin.addr"))? else { return Ok(None) };
    let mut lines = text.lines().map(str::to_owned);
    match (lines.next(), lines.next()) {
        (Some(admin), Some(api)) => Ok(Some(Addresses { admin, api })),
        _ => Ok(None),
    }
}

/// Reads the format without touching anything.
fn check_format(path: &Path) -> anyhow::Result<()> {
    let refuse = |reason: String| Err(Refusal::FolderFormat { folder: path.to_owned(), reason }.into());
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => return refuse("is not a folder".to_owned()),
        Err(e) => return Err(e).with_context(|| format!("the data folder {} cannot be read", path.display())),
    };
    if path.join(MANIFEST_FILE).exists() {
        return refuse("is a backup; `lawless restore` makes a data folder of it".to_owned());
    }
    if let Some(found) = read_if_there(&path.join("format"))? {
        if found == format_text() {
            return Ok(());
        }
        return refuse(format!(
            "was written by another version of the program ({}; this one writes {})",
            one_line(&found),
            one_line(&format_text())
        ));
    }
    for entry in entries {
        let name = entry.context("the data folder cannot be read")?.file_name();
        if !LAID_BEFOREHAND.iter().any(|known| name == *known) {
            return refuse(format!("is not one of ours: it has {} but no format file", name.to_string_lossy()));
        }
    }
    Ok(())
}

/// What the `format` file of a data folder of this program says.
pub(crate) fn format_text() -> String {
    format!("lawless data folder {LAYOUT}\nevent schemas {:08x}\n", events::schema_fingerprint())
}

fn one_line(text: &str) -> String {
    text.trim().chars().take(100).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(crate) fn read_if_there(file: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("{} cannot be read", file.display())),
    }
}

/// Writes a file that only this user may read, whole or not at all.
pub(crate) fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let new = file.with_extension("new");
        remove_stale(&new)?;
        let mut handle = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        handle.write_all(text.as_bytes())?;
        handle.sync_all()?;
        std::fs::rename(&new, file)?;
        File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}

fn remove_stale(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn remove_if_there(file: &Path) -> anyhow::Result<()> {
    remove_stale(file).with_context(|| format!("{} cannot be removed", file.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(path: &Path) -> Refusal {
        DataFolder::open(path).unwrap_err().downcast().unwrap()
    }

    #[test]
    fn a_folder_belongs_to_one_mode() {
        let parent = tempfile::tempdir().unwrap();
        for (mode, other, said) in [
            (Mode::Embedded, Mode::Distributed, "a journal of its own"),
            (Mode::Distributed, Mode::Embedded, "a journal in PostgreSQL"),
        ] {
            let folder = DataFolder::open(&parent.path().join(said)).unwrap();
            folder.belongs_to(mode).unwrap();
            if mode == Mode::Embedded {
                std::fs::write(folder.journal_file(), "").unwrap();
            }
            folder.belongs_to(mode).unwrap();
            let refused = folder.belongs_to(other).unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
    }

    #[test]
    fn keys_that_are_shared_may_lie_there_first() {
        let parent = tempfile::tempdir().unwrap();
        for key in ["admin-key", "cursor-key"] {
            std::fs::write(parent.path().join(key), "shared").unwrap();
        }
        DataFolder::open(parent.path()).unwrap();
        assert_eq!(std::fs::read_to_string(parent.path().join("cursor-key")).unwrap(), "shared");
    }

    #[test]
    fn a_folder_is_private_and_held_by_one() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let held = DataFolder::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(refusal(&path), Refusal::FolderInUse(_)));
        drop(held);
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn a_running_server_is_found_only_while_it_holds_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        let addresses = Addresses { admin: "127.0.0.1:1".into(), api: "127.0.0.1:2".into() };
        let held = DataFolder::open(parent.path()).unwrap();
        assert_eq!(running_server(parent.path()).unwrap(), None);
        held.announce(&addresses).unwrap();
        assert_eq!(running_server(parent.path()).unwrap(), Some(addresses));
        drop(held);
        assert_eq!(running_server(parent.path()).unwrap(), None);
    }

    #[test]
    fn a_folder_of_another_format_or_program_stays_untouched() {
        for (file, text) in [("format", "lawless data folder 99\n"), ("holiday.jpg", "not ours")] {
            let parent = tempfile::tempdir().unwrap();
            std::fs::write(parent.path().join(file), text).unwrap();
            assert!(matches!(refusal(parent.path()), Refusal::FolderFormat { .. }), "{file}");
            let entries: Vec<_> = std::fs::read_dir(parent.path()).unwrap().collect();
            assert_eq!(entries.len(), 1, "{file}: something was written");
        }
    }
}

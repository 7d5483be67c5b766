//! Makes a data folder of a backup.
//!
//! Everything is copied and checked in a folder beside the target and moved to its name when it is whole and synced: the
//! target is whole or is not there, whenever this process is killed.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use event_log::SqliteJournal;
use events::JournalId;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::adopt::CURSOR_KEY;
use super::files::{copy, is_free, make_folder, sync_folder};
use super::manifest::{Manifest, SavedFile};
use super::{JOURNAL_FILE, ProgressSender, VIEWS_FOLDER, tell};
use crate::exit::Refusal;
use crate::folder::{format_text, read_if_there};

/// Says where a data folder came from. Written first: a half-made folder with it is ours to remove.
const ORIGIN_FILE: &str = "restored.json";

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// What the backup held.
    pub(crate) manifest: Manifest,
    /// The id of the journal now.
    pub(crate) journal_id: JournalId,
}

/// Makes a data folder out of a backup; the folder must be empty or not there.
///
/// The journal gets a new id, because whoever goes on with the old one counts other events by the same positions: its
/// tokens, cursors and views are not of this journal. With `same_journal` it keeps it, and the views.
///
/// # Errors
/// [`Refusal::Backup`] when it is unfinished, damaged or of another version; [`Refusal::NotEmpty`];
/// [`Refusal::FolderInUse`] when someone else restores to the same folder.
pub(crate) async fn restore_backup(
    backup: &Path,
    target: &Path,
    same_journal: bool,
    progress: ProgressSender,
) -> anyhow::Result<Restored> {
    let manifest = Manifest::read(backup)?;
    check_program(backup)?;
    if !is_free(target)? {
        return Err(Refusal::NotEmpty(target.to_owned()).into());
    }
    let partial = Partial::begin(target, &manifest, backup)?;
    let wanted: Vec<SavedFile> =
        manifest.files.iter().filter(|file| same_journal || goes_along(file)).cloned().collect();
    let (from, to) = (backup.to_owned(), partial.folder.clone());
    let copying = spawn_blocking(move || copy_all(&from, &to, &wanted, &progress));
    let copied = copying.await.context("copying the backup")?;
    let named = match copied {
        Ok(()) => name_journal(backup, &partial.folder, same_journal, &manifest).await,
        Err(error) => Err(error),
    };
    let journal_id = match named {
        Ok(id) => id,
        Err(error) => {
            partial.remove();
            return Err(error);
        }
    };
    partial.finish(target)?;
    Ok(Restored { manifest, journal_id })
}

/// Whether it belongs to the journal whatever its id.
fn goes_along(file: &SavedFile) -> bool {
    file.path != CURSOR_KEY && !Path::new(&file.path).starts_with(VIEWS_FOLDER)
}

fn check_program(backup: &Path) -> anyhow::Result<()> {
    let found = read_if_there(&backup.join("format"))?.unwrap_or_default();
    if found == format_text() {
        return Ok(());
    }
    let one_line = |text: &str| text.trim().replace('\n', ", ").chars().take(100).collect::<String>();
    let reason = format!(
        "another version of the program made it ({}; this one reads {})",
        one_line(&found),
        one_line(&format_text())
    );
    Err(Refusal::Backup { folder: backup.to_owned(), reason }.into())
}

fn copy_all(backup: &Path, partial: &Path, files: &[SavedFile], progress: &ProgressSender) -> anyhow::Result<()> {
    let damaged = |reason| anyhow::Error::new(Refusal::Backup { folder: backup.to_owned(), reason });
    let of = files.iter().map(|file| file.bytes).sum();
    let mut copied = 0;
    for file in files {
        let (from, to) = (backup.join(&file.path), partial.join(&file.path));
        if !from.is_file() {
            return Err(damaged(format!("it has no {}", file.path)));
        }
        let folder = to.parent().context("a file lies in a folder")?;
        make_folder(folder)?;
        let content = copy(&from, &to, |more| {
            copied += more;
            tell(progress, "restoring", copied, of);
            Ok(())
        })?;
        if !content.is_of(file) {
            return Err(damaged(format!("{} is damaged: it is not what was saved", file.path)));
        }
        for above in folder.ancestors().take_while(|above| above.starts_with(partial)) {
            sync_folder(above)?;
        }
    }
    Ok(())
}

async fn name_journal(
    backup: &Path,
    partial: &Path,
    same_journal: bool,
    manifest: &Manifest,
) -> anyhow::Result<JournalId> {
    let file = partial.join(JOURNAL_FILE);
    let held = SqliteJournal::read_copy(&file).await?;
    if (held.id.0, held.head.0) != (manifest.journal_id, manifest.head) {
        let reason = format!("its journal ends at {} and not at {}", held.head, manifest.head);
        return Err(Refusal::Backup { folder: backup.to_owned(), reason }.into());
    }
    if same_journal {
        return Ok(held.id);
    }
    Ok(SqliteJournal::adopt(&file).await?.id)
}

/// The folder beside the target in which it is made. Held by a lock: of two that restore, one is refused.
struct Partial {
    folder: PathBuf,
    origin: File,
}

impl Partial {
    /// Makes the folder; what an earlier, killed restore left in it is removed.
    fn begin(target: &Path, manifest: &Manifest, backup: &Path) -> anyhow::Result<Self> {
        let name = target.file_name().with_context(|| format!("{} is not the name of a folder", target.display()))?;
        let mut partial = OsString::from(name);
        partial.push(".partial");
        let folder = target.with_file_name(partial);
        ensure!(
            is_free(&folder)? || folder.join(ORIGIN_FILE).is_file(),
            "{} is in the way: remove it, or restore to another folder",
            folder.display()
        );
        make_folder(&folder)?;
        let path = folder.join(ORIGIN_FILE);
        let writing = || format!("{} cannot be written", path.display());
        let origin = File::options().create(true).truncate(false).write(true).open(&path).with_context(writing)?;
        match origin.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Refusal::FolderInUse(target.to_owned()).into()),
            Err(TryLockError::Error(e)) => return Err(e).with_context(writing),
        }
        // The lock may have been let go of by one that moved the folder to its name meanwhile.
        let is_same = std::fs::metadata(&path).is_ok_and(|at_path| {
            origin.metadata().is_ok_and(|held| (at_path.dev(), at_path.ino()) == (held.dev(), held.ino()))
        });
        if !is_same {
            return Err(Refusal::FolderInUse(target.to_owned()).into());
        }
        let partial = Self { folder, origin };
        partial.clear().with_context(|| format!("{} cannot be cleared", partial.folder.display()))?;
        partial.tell_origin(manifest, backup).with_context(writing)?;
        Ok(partial)
    }

    fn tell_origin(&self, manifest: &Manifest, backup: &Path) -> anyhow::Result<()> {
        let backup = backup.canonicalize()?;
        let origin = json!({
            "backup": backup.to_string_lossy(),
            "made_at": manifest.made_at,
            "journal_id": manifest.journal_id,
            "head": manifest.head,
        });
        // The file is locked, so it is written where it is.
        std::fs::write(self.folder.join(ORIGIN_FILE), format!("{origin:#}\n"))?;
        self.origin.sync_all()?;
        sync_folder(&self.folder)
    }

    /// Removes everything but the file that is locked.
    fn clear(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name() == ORIGIN_FILE {
                continue;
            }
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn remove(self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a half-restored folder cannot be removed");
        }
    }

    /// Moves the whole folder to its name.
    fn finish(self, target: &Path) -> anyhow::Result<()> {
        sync_folder(&self.folder)?;
        // An empty folder of that name is replaced; one that was filled meanwhile is not.
        std::fs::rename(&self.folder, target)
            .with_context(|| format!("{} cannot be moved to {}", self.folder.display(), target.display()))?;
        let above = target.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_folder(above)
    }
}

//! Makes a backup: the views, then the journal, then the small files, and the manifest when all is on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use event_log::{JournalCopy, SqliteJournal};
use projectors::{Generations, LmdbViewReader};
use tokio::task::spawn_blocking;
use views::ViewReader;

use super::files::{content_of, copy, is_free, keep_private, make_folder, sync_folder};
use super::manifest::{Manifest, SavedFile};
use super::{JOURNAL_FILE, ProgressSender, SMALL_FILES, VIEWS_FOLDER, tell};
use crate::engine::DIRECTORY_GROUP;
use crate::exit::Refusal;

/// How often the size of what is being copied is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is saved.
pub(crate) struct BackupSource {
    /// The data folder.
    pub(crate) folder: PathBuf,
    /// Its journal, open.
    pub(crate) journal: SqliteJournal,
    /// The views that are served; `None` when there are none yet.
    pub(crate) views: Option<Arc<LmdbViewReader>>,
}

/// Whether a backup may be made there.
///
/// # Errors
/// [`Refusal::NotEmpty`]; the folder lies in the data folder.
pub(crate) fn check_empty(folder: &Path, data: &Path) -> anyhow::Result<()> {
    if !is_free(folder)? {
        return Err(Refusal::NotEmpty(folder.to_owned()).into());
    }
    let data = data.canonicalize().with_context(|| format!("{} cannot be found", data.display()))?;
    // It need not be there yet; what is above it may be a link.
    let existing = folder.ancestors().find_map(|above| above.canonicalize().ok());
    ensure!(!existing.is_some_and(|above| above.starts_with(&data)), "{} lies in the data folder", folder.display());
    Ok(())
}

/// Makes a backup in a folder that is empty or not there, an absolute path.
///
/// What was acknowledged before it began is in it. The views are copied first, so that the journal is never behind them.
///
/// # Errors
/// It cannot be read or written, or is not wanted any more; what was made is removed then.
pub(crate) async fn make_backup(
    source: BackupSource,
    folder: PathBuf,
    progress: &ProgressSender,
) -> anyhow::Result<Manifest> {
    check_empty(&folder, &source.folder)?;
    let unfinished = Unfinished::begin(folder)?;
    let manifest = fill(&source, &unfinished.folder, progress).await?;
    unfinished.finish();
    Ok(manifest)
}

async fn fill(source: &BackupSource, folder: &Path, progress: &ProgressSender) -> anyhow::Result<Manifest> {
    let mut files = Vec::new();
    let mut views_position = None;
    if let Some(views) = &source.views {
        views_position = Some(views.status().published.0);
        files.append(&mut copy_views(views.clone(), folder, progress).await?);
    }
    let JournalCopy { id, head } = copy_journal(source, folder, progress).await?;
    files.push(JOURNAL_FILE.to_owned());
    for name in SMALL_FILES {
        if source.folder.join(name).is_file() {
            copy(&source.folder.join(name), &folder.join(name), |_| Ok(()))?;
            files.push(name.to_owned());
        }
    }
    let saved = describe(folder, files, progress.clone()).await?;
    let manifest = Manifest::new(id.0, head.0, views_position, saved);
    wanted(progress)?;
    sync_folder(folder)?;
    manifest.write(folder)?;
    sync_folder(folder.parent().unwrap_or(folder))?;
    Ok(manifest)
}

/// Returns the files of the views.
async fn copy_views(
    views: Arc<LmdbViewReader>,
    folder: &Path,
    progress: &ProgressSender,
) -> anyhow::Result<Vec<String>> {
    let target = folder.join(VIEWS_FOLDER);
    make_folder(&target)?;
    let generations = Generations::of(&target, DIRECTORY_GROUP);
    let source = views.folder().join("data.mdb");
    let (of, shown) = (size(&source), target.clone());
    let copying = async {
        let copied = spawn_blocking(move || views.copy_to(&generations)).await.context("copying the views")?;
        copied.context("copying the views")
    };
    while_growing(
        copying,
        "copying the views",
        || files_below(&shown).iter().map(|file| size(file)).sum(),
        of,
        progress,
    )
    .await?;
    let mut names = Vec::new();
    for file in files_below(&target) {
        keep_private(&file)?;
        let name = file.strip_prefix(folder).ok().and_then(Path::to_str).context("a file of the views has a name")?;
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Every file in a folder and in those in it.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.append(&mut files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort_unstable();
    files
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

async fn copy_journal(source: &BackupSource, folder: &Path, progress: &ProgressSender) -> anyhow::Result<JournalCopy> {
    let (from, to) = (source.folder.join(JOURNAL_FILE), folder.join(JOURNAL_FILE));
    let copying = async { source.journal.copy_to(&to).await.context("copying the journal") };
    let copied = while_growing(copying, "copying the journal", || size(&to), size(&from), progress).await?;
    keep_private(&to)?;
    Ok(copied)
}

/// Tells how much is written while it is.
async fn while_growing<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    step: &str,
    written: impl Fn() -> u64,
    of: u64,
    progress: &ProgressSender,
) -> anyhow::Result<T> {
    wanted(progress)?;
    let mut work = std::pin::pin!(work);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = looks.tick() => tell(progress, step, written().min(of), of),
        }
    }
}

/// Reads everything back, so that the manifest says what is there.
async fn describe(folder: &Path, files: Vec<String>, progress: ProgressSender) -> anyhow::Result<Vec<SavedFile>> {
    let folder = folder.to_owned();
    let describe = move || {
        let of = files.iter().map(|path| size(&folder.join(path))).sum();
        let mut read = 0;
        let mut saved = Vec::new();
        for path in files {
            let content = content_of(&folder.join(&path), |more| {
                read += more;
                tell(&progress, "reading it back", read, of);
                wanted(&progress)
            })?;
            saved.push(SavedFile { path, bytes: content.bytes, xxh3: content.xxh3 });
        }
        Ok(saved)
    };
    spawn_blocking(describe).await.context("reading the backup back")?
}

fn wanted(progress: &ProgressSender) -> anyhow::Result<()> {
    ensure!(!progress.is_closed(), "whoever wanted the backup went away");
    Ok(())
}

/// A backup without a manifest. It is removed unless it is finished.
struct Unfinished {
    folder: PathBuf,
    was_there: bool,
    finished: bool,
}

impl Unfinished {
    fn begin(folder: PathBuf) -> anyhow::Result<Self> {
        let was_there = folder.is_dir();
        make_folder(&folder)?;
        Ok(Self { folder, was_there, finished: false })
    }

    fn finish(mut self) {
        self.finished = true;
    }

    /// Only what a backup has: someone may have put something beside it.
    fn remove(&self) -> std::io::Result<()> {
        let ignore_missing = |result: std::io::Result<()>| match result {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        };
        let journal = [JOURNAL_FILE.to_owned(), format!("{JOURNAL_FILE}-journal")];
        for name in SMALL_FILES.into_iter().chain(journal.iter().map(String::as_str)) {
            ignore_missing(std::fs::remove_file(self.folder.join(name)))?;
        }
        ignore_missing(std::fs::remove_dir_all(self.folder.join(VIEWS_FOLDER)))?;
        if self.was_there { Ok(()) } else { std::fs::remove_dir(&self.folder) }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = self.remove()
        {
            tracing::warn!(folder = %self.folder.display(), %error, "an unfinished backup cannot be removed");
        }
    }
}

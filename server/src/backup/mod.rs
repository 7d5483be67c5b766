//! Backups: a folder with a copy of everything that is kept, made while the server runs.
//!
//! | module | does |
//! |---|---|
//! | `manifest` | says what a backup holds; written last, so that half a backup is none |
//! | `make` | copies views, journal and the small files, in this order |
//! | `files` | copies and syncs files, and knows them by their hashes |
//! | `restore` | makes a data folder of a backup |
//! | `adopt` | gives a data folder's journal a new id |

mod adopt;
mod files;
mod make;
mod manifest;
mod restore;

pub(crate) use adopt::adopt_journal;
#[cfg(feature = "distributed")]
pub(crate) use adopt::forget_views;
pub(crate) use make::{BackupSource, check_empty, make_backup};
pub(crate) use manifest::{MANIFEST_FILE, Manifest};
pub(crate) use restore::restore_backup;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What is done, how much of it, and how much there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// In words.
    pub(crate) step: String,
    /// Bytes that are done.
    pub(crate) bytes: u64,
    /// Bytes in all; about so many, when they are copied while they change.
    pub(crate) of: u64,
}

/// Where progress is told. Nobody listens any more: the work is not wanted any more.
pub(crate) type ProgressSender = watch::Sender<Progress>;

/// The small files of a data folder that are saved: without them it is not the same one.
const SMALL_FILES: [&str; 4] = ["format", "admin-key", "cursor-key", "demo-unfinished"];

/// The name of the journal in a backup, as in a data folder.
pub(crate) const JOURNAL_FILE: &str = "journal.sqlite";

/// The name of the views in a backup, as in a data folder.
pub(crate) const VIEWS_FOLDER: &str = "views";

fn tell(progress: &ProgressSender, step: &str, bytes: u64, of: u64) {
    progress.send_replace(Progress { step: step.to_owned(), bytes, of });
}

//! Gives the journal of a data folder a new id.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use event_log::{Adopted, SqliteJournal};

use super::VIEWS_FOLDER;
use super::files::sync_folder;
use crate::folder::DataFolder;

/// The key that signs cursors. They name things by position, so those of another journal must not be taken.
pub(super) const CURSOR_KEY: &str = "cursor-key";

/// Gives the journal a new id, and removes what belonged to the old one: views, and the key of the cursors. A new key and
/// new views are made at the next start.
///
/// What is derived goes first: killed in between, the folder is one without views, never one with foreign views.
///
/// # Errors
/// The folder or its journal cannot be written.
pub(crate) async fn adopt_journal(folder: &DataFolder) -> anyhow::Result<Adopted> {
    let path = folder.path();
    forget_views(folder)?;
    let key = ignore_missing(std::fs::remove_file(path.join(CURSOR_KEY)));
    key.with_context(|| format!("the key of the cursors in {} cannot be removed", path.display()))?;
    sync_folder(path)?;
    Ok(SqliteJournal::adopt(&folder.journal_file()).await?)
}

/// Removes the views, which follow from a journal's positions: they are about to mean something else.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn forget_views(folder: &DataFolder) -> anyhow::Result<()> {
    let path = folder.path();
    remove_views(path).with_context(|| format!("the views in {} cannot be removed", path.display()))
}

fn remove_views(folder: &Path) -> anyhow::Result<()> {
    // First out of sight, in one step: half of the views must not be taken for all of them.
    let (views, removed) = (folder.join(VIEWS_FOLDER), folder.join("views.removed"));
    ignore_missing(std::fs::remove_dir_all(&removed))?;
    ignore_missing(std::fs::rename(&views, &removed))?;
    sync_folder(folder)?;
    Ok(ignore_missing(std::fs::remove_dir_all(&removed))?)
}

fn ignore_missing(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

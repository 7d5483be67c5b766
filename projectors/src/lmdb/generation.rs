//! Generations of a group: folders named by the version of the projection.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Where a generation of a group is, below the folder of all views.
pub fn generation_folder(views: &Path, group: &str, projection_version: u32) -> PathBuf {
    views.join(format!("{group}-v{projection_version}"))
}

/// Removes generations of earlier projection versions that nobody has open. They are derived data: what cannot be
/// removed is only named in the log.
pub(crate) fn remove_older_generations(views: &Path, group: &str, projection_version: u32) {
    let Ok(entries) = std::fs::read_dir(views) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let version =
            name.to_str().and_then(|n| n.strip_prefix(group)).and_then(|n| n.strip_prefix("-v")?.parse::<u32>().ok());
        let path = entry.path();
        if version.is_none_or(|version| version >= projection_version) || is_in_use(&path) {
            continue;
        }
        match std::fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed an older generation of views"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove an older generation of views"),
        }
    }
}

fn is_in_use(folder: &Path) -> bool {
    File::options().write(true).open(folder.join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
}

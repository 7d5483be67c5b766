//! Generations of a group: numbered folders, and a file that says which of them is served.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::environment::io_error;
use crate::port::StoreError;

/// Of a file, as long as somebody has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity((u64, u64));

/// The generations of one group, below the folder of all views. A later one has a higher number.
#[derive(Debug, Clone)]
pub struct Generations {
    views: PathBuf,
    group: String,
}

impl Generations {
    /// Those of a group.
    pub fn of(views: &Path, group: &str) -> Self {
        Self { views: views.to_owned(), group: group.to_owned() }
    }

    /// The folder of the one that is served; `None` if there has not been any.
    ///
    /// # Errors
    /// The file that says so cannot be read, or says something else.
    pub fn serving_folder(&self) -> Result<Option<PathBuf>, StoreError> {
        Ok(self.serving()?.map(|number| self.folder(number)))
    }

    pub(crate) fn folder(&self, number: u32) -> PathBuf {
        self.views.join(format!("{}-{number}", self.group))
    }

    pub(crate) fn serving(&self) -> Result<Option<u32>, StoreError> {
        const OPERATION: &str = "read which generation is served";
        let text = match fs::read_to_string(self.pointer()) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(OPERATION, error)),
        };
        let number = text.trim().parse().map_err(|_| StoreError::Corrupt {
            operation: OPERATION,
            reason: format!("{} does not hold a number", self.pointer().display()),
        })?;
        Ok(Some(number))
    }

    /// From now on this one is served, also after a power cut.
    pub(crate) fn serve(&self, number: u32) -> Result<(), StoreError> {
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&self.views)?;
            let (pointer, new) = (self.pointer(), self.views.join(format!("{}.serving.new", self.group)));
            let mut file = File::create(&new)?;
            writeln!(file, "{number}")?;
            file.sync_all()?;
            fs::rename(&new, &pointer)?;
            File::open(&self.views)?.sync_all()
        };
        write().map_err(|error| io_error("write which generation is served", error))
    }

    /// Tells readers in other processes how old the rows may be. It is told again soon, and is not synced.
    pub(crate) fn tell_age(&self, age: &str) -> Result<(), StoreError> {
        let (file, new) = (self.age_file(), self.views.join(format!("{}.as-of.new", self.group)));
        let told = fs::write(&new, age).and_then(|()| fs::rename(&new, &file));
        told.map_err(|error| io_error("tell the age of the rows", error))
    }

    /// What was told last; nothing if nobody tells.
    pub(crate) fn told_age(&self) -> Option<String> {
        fs::read_to_string(self.age_file()).ok()
    }

    fn age_file(&self) -> PathBuf {
        self.views.join(format!("{}.as-of", self.group))
    }

    /// Which file a generation is: another one of the same number, made after this one was removed, is another file.
    pub(crate) fn identity(&self, number: u32) -> Option<Identity> {
        let file = fs::metadata(self.folder(number).join("data.mdb")).ok()?;
        Some(Identity((file.dev(), file.ino())))
    }

    /// All that have a folder, in order.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.views) else { return Vec::new() };
        let number = |name: &str| name.strip_prefix(&self.group)?.strip_prefix('-')?.parse().ok();
        let mut numbers: Vec<u32> = entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Generations are derived data: one that cannot be removed is only named in the log.
    pub(crate) fn remove(&self, number: u32) {
        let path = self.folder(number);
        match fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed a generation of views"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove a generation of views"),
        }
    }

    fn pointer(&self) -> PathBuf {
        self.views.join(format!("{}.serving", self.group))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn generations_of_other_groups_and_other_things_are_not_seen() {
        let views = tempfile::tempdir().unwrap();
        for name in ["pages-2", "pages-10", "pages-x", "pages-2-3", "pagesx-4", "other-5", "pages"] {
            fs::create_dir(views.path().join(name)).unwrap();
        }
        let generations = Generations::of(views.path(), "pages");
        assert_eq!(generations.numbers(), [2, 10]);
        assert_eq!(generations.serving().unwrap(), None);
        generations.serve(10).unwrap();
        assert_eq!(generations.serving_folder().unwrap().unwrap(), views.path().join("pages-10"));
        generations.remove(2);
        assert_eq!(generations.numbers(), [10]);
        fs::write(views.path().join("pages.serving"), "ten").unwrap();
        assert!(matches!(generations.serving(), Err(StoreError::Corrupt { .. })));
    }
}

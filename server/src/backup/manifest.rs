//! The manifest of a backup: what it holds. A folder without one is no backup.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::JOURNAL_FILE;
use crate::exit::Refusal;
use crate::folder::write_private;

/// The version of the layout of backups.
const FORMAT: u32 = 1;

/// The manifest's file.
pub(crate) const MANIFEST_FILE: &str = "backup.json";

/// A manifest is short.
const BYTES_MAX: u64 = 1 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The version of the layout.
    pub(crate) format: u32,
    /// The version of the program that made it.
    pub(crate) program: String,
    /// When it was finished.
    pub(crate) made_at: Timestamp,
    /// The journal that was copied.
    pub(crate) journal_id: Uuid,
    /// The newest event in it.
    pub(crate) head: u64,
    /// The views hold at least what is up to this event; absent when there are no views in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) views_position: Option<u64>,
    /// All files but this one.
    pub(crate) files: Vec<SavedFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedFile {
    /// Where it is, below the folder.
    pub(crate) path: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// XXH3-128 of its content, in hexadecimal. It tells damage, not malice.
    pub(crate) xxh3: String,
}

/// Read first, because another version has other members.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl Manifest {
    /// Of this layout and this program.
    pub(super) fn new(journal_id: Uuid, head: u64, views_position: Option<u64>, files: Vec<SavedFile>) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, program, made_at: Timestamp::now(), journal_id, head, views_position, files }
    }

    /// The size of everything that it names.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Makes a whole backup of a folder: everything in it was synced before.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("writing the manifest")?;
        write_private(&folder.join(MANIFEST_FILE), &format!("{text}\n"))
    }

    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// [`Refusal::Backup`] when there is none, or one that this program cannot use.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let refuse = |reason: String| anyhow::Error::new(Refusal::Backup { folder: folder.to_owned(), reason });
        let file = folder.join(MANIFEST_FILE);
        let text = match std::fs::metadata(&file) {
            Ok(metadata) if metadata.len() > BYTES_MAX => return Err(refuse(format!("{MANIFEST_FILE} is too long"))),
            Ok(_) => std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let reason = if folder.is_dir() {
                    format!("it has no {MANIFEST_FILE}, so it is no backup, or one that was not finished")
                } else {
                    "there is no such folder".to_owned()
                };
                return Err(refuse(reason));
            }
            Err(e) => return Err(e).with_context(|| format!("reading {}", file.display())),
        };
        let damaged = |error: serde_json::Error| refuse(format!("{MANIFEST_FILE} is damaged: {error}"));
        let Versioned { format } = serde_json::from_str(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(refuse(format!("its layout has version {format}, this program reads {FORMAT}")));
        }
        let manifest: Self = serde_json::from_str(&text).map_err(damaged)?;
        manifest.check().map_err(refuse)?;
        Ok(manifest)
    }

    /// Whether it names what a data folder needs, and nothing outside of the backup.
    fn check(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        for file in &self.files {
            let path = Path::new(&file.path);
            let stays_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if file.path.is_empty() || !stays_inside || file.path == MANIFEST_FILE {
                return Err(format!("{MANIFEST_FILE} names a file {:?}", file.path));
            }
            if !names.insert(file.path.as_str()) {
                return Err(format!("{MANIFEST_FILE} names {:?} twice", file.path));
            }
        }
        match [JOURNAL_FILE, "format"].iter().find(|name| !names.contains(*name)) {
            Some(missing) => Err(format!("{MANIFEST_FILE} does not name {missing}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::exit::exit_code;

    fn file(path: &str) -> SavedFile {
        SavedFile { path: path.to_owned(), bytes: 1, xxh3: "00".to_owned() }
    }

    fn reason(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST_FILE), text).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert_eq!(exit_code(&error), 9.into());
        let Refusal::Backup { reason, .. } = error.downcast().unwrap() else { panic!("another refusal") };
        reason
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![file("journal.sqlite"), file("format"), file("views/directory-1/data.mdb")];
        let manifest = Manifest::new(Uuid::now_v7(), 7, Some(6), files);
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        assert_eq!(manifest.bytes(), 3);
    }

    #[test]
    fn what_is_no_backup_is_refused_with_words() {
        let empty = tempfile::tempdir().unwrap();
        let none = Manifest::read(empty.path()).unwrap_err().to_string();
        assert!(none.contains("not finished"), "{none}");
        let nowhere = Manifest::read(&empty.path().join("nowhere")).unwrap_err().to_string();
        assert!(nowhere.contains("no such folder"), "{nowhere}");
        let with =
            |files: Vec<SavedFile>| serde_json::to_string(&Manifest::new(Uuid::now_v7(), 7, None, files)).unwrap();
        assert!(reason("{").contains("damaged"));
        assert!(reason(r#"{"format": 2, "unheard": "of"}"#).contains("version 2"));
        assert!(reason(&with(vec![file("format")])).contains("does not name journal.sqlite"));
        assert!(reason(&with(vec![file("journal.sqlite")])).contains("does not name format"));
        for path in ["../format", "/etc/passwd", "views/../../x", "", ".", "backup.json"] {
            assert!(reason(&with(vec![file(path)])).contains("names a file"), "{path}");
        }
        assert!(reason(&with(vec![file("format"), file("format")])).contains("twice"));
        assert!(reason(&" ".repeat(2 << 20)).contains("too long"));
    }
}

//! Copies, hashes and syncs files.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;
use xxhash_rust::xxh3::Xxh3;

use super::manifest::SavedFile;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What was read of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: u64,
    pub(super) xxh3: String,
}

impl Content {
    /// Whether it is what a manifest says.
    pub(super) fn is_of(&self, saved: &SavedFile) -> bool {
        self.bytes == saved.bytes && self.xxh3 == saved.xxh3
    }
}

/// Reads a file; `each` sees every part of it.
fn read(file: &Path, mut each: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<Content> {
    let reading = || format!("{} cannot be read", file.display());
    let mut source = File::open(file).with_context(reading)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut hash, mut bytes) = (Xxh3::new(), 0);
    loop {
        let length = source.read(&mut chunk).with_context(reading)?;
        if length == 0 {
            return Ok(Content { bytes, xxh3: format!("{:032x}", hash.digest128()) });
        }
        hash.update(&chunk[..length]);
        bytes += length as u64;
        each(&chunk[..length])?;
    }
}

/// What is in a file; `done` is told how many bytes more were read.
pub(super) fn content_of(file: &Path, mut done: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<Content> {
    read(file, |part| done(part.len() as u64))
}

/// Copies a file into one that is not there yet, readable by this user only, and syncs it. Returns what was read.
pub(super) fn copy(from: &Path, to: &Path, mut done: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<Content> {
    let writing = || format!("{} cannot be written", to.display());
    let mut target = OpenOptions::new().create_new(true).write(true).mode(0o600).open(to).with_context(writing)?;
    let content = read(from, |part| {
        target.write_all(part).with_context(writing)?;
        done(part.len() as u64)
    })?;
    target.sync_all().with_context(writing)?;
    Ok(content)
}

/// Makes a folder that only this user may read, and those above it.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("{} cannot be made", folder.display()))
}

/// Lets only this user read a file that another library made, and syncs it.
pub(super) fn keep_private(file: &Path) -> anyhow::Result<()> {
    let keep = || {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
        File::open(file)?.sync_all()
    };
    keep().with_context(|| format!("{} cannot be kept", file.display()))
}

/// Makes the names in a folder last.
pub(super) fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    let sync = || File::open(folder)?.sync_all();
    sync().with_context(|| format!("{} cannot be synced", folder.display()))
}

/// Whether a folder is not there, or has nothing in it.
pub(super) fn is_free(folder: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e).with_context(|| format!("{} cannot be read", folder.display())),
    }
}

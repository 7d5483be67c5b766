//! Secrets in the data folder: the admin key, and the key that signs cursors.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::{RngExt, rng};

use crate::folder::{read_if_there, write_private};

const CURSOR_KEY_FILE: &str = "cursor-key";

/// Where the admin key of a folder lies.
pub(crate) fn admin_key_file(folder: &Path) -> PathBuf {
    folder.join("admin-key")
}

/// The text of a folder's admin key, for commands that talk to the server that runs on it.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn read_admin_key(folder: &Path) -> anyhow::Result<String> {
    let text = read_if_there(&admin_key_file(folder))?;
    Ok(text.with_context(|| format!("{} has no admin key", folder.display()))?.trim().to_owned())
}

/// The key that signs cursors; made if there is none.
///
/// # Errors
/// The file cannot be read or written, or is damaged.
pub(crate) fn load_or_create_cursor_key(folder: &Path) -> anyhow::Result<[u8; 32]> {
    let file = folder.join(CURSOR_KEY_FILE);
    if let Some(text) = read_if_there(&file)? {
        let key = text.trim().as_bytes().try_into();
        return key.with_context(|| format!("{} is damaged; remove it to get a new one", file.display()));
    }
    // Letters, so that the file is text; 190 bits of them.
    let key = random_text(32);
    write_private(&file, &format!("{key}\n")).context("the cursor key cannot be kept")?;
    Ok(key.into_bytes().try_into().expect("32 letters are 32 bytes"))
}

fn random_text(letters: usize) -> String {
    rng().sample_iter(rand::distr::Alphanumeric).take(letters).map(char::from).collect()
}

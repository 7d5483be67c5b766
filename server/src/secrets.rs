//! Keys: the admin key, and the key that signs cursors. They lie in the data folder, or in files that settings name:
//! programs on one journal have to have the same ones.

use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use command_api::AdminKeyFile;
use rand::{RngExt, rng};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Mode};
use crate::exit::Refusal;
use crate::folder::{read_if_there, write_private};

const ADMIN_KEY: &str = "admin-key";
const CURSOR_KEY: &str = "cursor-key";
const ADMIN_KEY_SETTING: &str = "keys.admin_key_file";
const CURSOR_KEY_SETTING: &str = "keys.cursor_key_file";

/// Letters of a cursor key: 190 bits.
const CURSOR_KEY_LETTERS: usize = 32;

/// More than a key, so that a wrong file is seen to be one without reading all of it.
const MAX_FILE_BYTES: u64 = 1_024;

/// Files with keys that are given. Empty: in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// The admin key.
    pub admin_key_file: PathBuf,
    /// The key that signs cursors.
    pub cursor_key_file: PathBuf,
}

impl KeysConfig {
    /// Nothing but paths, so that all of it may be printed.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        for (setting, file) in [(ADMIN_KEY_SETTING, &self.admin_key_file), (CURSOR_KEY_SETTING, &self.cursor_key_file)]
        {
            // Somebody may give the key where its file is meant: keys have no slash, and are not said again here.
            if !file.as_os_str().is_empty() && !file.to_string_lossy().contains('/') {
                let how = "name the file with a path, as in ./admin-key; the key itself does not belong here";
                return Err(Refusal::Configuration(format!("{setting}: {how}")));
            }
        }
        Ok(())
    }
}

/// What a program serves with.
pub(crate) struct Keys {
    /// Checks the keys of callers.
    pub(crate) admin: AdminKeyFile,
    /// The text of an admin key that was made just now.
    pub(crate) new_admin_key: Option<String>,
    /// Signs cursors.
    pub(crate) cursor: [u8; CURSOR_KEY_LETTERS],
}

/// The keys of a program that is to serve from this folder. Only in mode embedded missing ones are made: elsewhere each
/// program would have its own.
///
/// # Errors
/// [`Refusal::Configuration`] if one is missing, or is given and cannot be taken; a file of the folder cannot be used.
pub(crate) fn open_keys(folder: &Path, config: &Config) -> anyhow::Result<Keys> {
    let (admin, new_admin_key) = match given(&config.keys.admin_key_file) {
        Some(file) => (AdminKeyFile::given(file).map_err(|error| refused(ADMIN_KEY_SETTING, &error))?, None),
        None => AdminKeyFile::load_or_create(file_of_the_folder(folder, config, ADMIN_KEY, ADMIN_KEY_SETTING)?)?,
    };
    let cursor = match given(&config.keys.cursor_key_file) {
        Some(file) => read_given(file).map_err(|error| refused(CURSOR_KEY_SETTING, &format!("{error:#}")))?,
        None => load_or_create(&file_of_the_folder(folder, config, CURSOR_KEY, CURSOR_KEY_SETTING)?)?,
    };
    Ok(Keys { admin, new_admin_key, cursor })
}

/// The text of the admin key, for commands that talk to the server that runs on the data folder.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn read_admin_key(config: &Config) -> anyhow::Result<String> {
    let folder = &config.data.folder;
    let file = given(&config.keys.admin_key_file).map_or_else(|| folder.join(ADMIN_KEY), Path::to_owned);
    let text = read_if_there(&file)?;
    Ok(text.with_context(|| format!("there is no admin key {}", file.display()))?.trim().to_owned())
}

/// Replaces the admin key of the data folder; a running server takes the new one with its next request.
///
/// # Errors
/// [`Refusal::Configuration`] if the key is given; it cannot be written.
pub(crate) fn rotate_admin_key(config: &Config) -> anyhow::Result<String> {
    if given(&config.keys.admin_key_file).is_some() {
        let how = "replace that file, for example by one of `lawless keys new`; running programs take it at once";
        return Err(Refusal::Configuration(format!("the admin key is given by {ADMIN_KEY_SETTING}: {how}")).into());
    }
    let folder = &config.data.folder;
    anyhow::ensure!(folder.join("format").is_file(), "there is no data folder {}", folder.display());
    Ok(AdminKeyFile::rotate(folder.join(ADMIN_KEY))?)
}

/// Makes both keys in a folder, for programs that are to share them.
///
/// # Errors
/// One is there already; they cannot be written.
pub(crate) fn make_keys(folder: &Path) -> anyhow::Result<()> {
    for name in [ADMIN_KEY, CURSOR_KEY] {
        let file = folder.join(name);
        if file.try_exists().with_context(|| format!("{} cannot be looked at", file.display()))? {
            bail!("{} is there already and stays as it is", file.display());
        }
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("{} cannot be made", folder.display()))?;
    AdminKeyFile::rotate(folder.join(ADMIN_KEY))?;
    load_or_create(&folder.join(CURSOR_KEY))?;
    Ok(())
}

fn given(file: &Path) -> Option<&Path> {
    (!file.as_os_str().is_empty()).then_some(file)
}

fn refused(setting: &str, why: &dyn std::fmt::Display) -> Refusal {
    Refusal::Configuration(format!("{setting}: {why}"))
}

fn file_of_the_folder(folder: &Path, config: &Config, name: &str, setting: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join(name);
    if config.mode == Mode::Distributed && !file.exists() {
        let how = "all programs on one journal need the same one; `lawless keys new FOLDER` makes both keys";
        let where_to = format!("give it with {setting}, or lay it there as {}", file.display());
        return Err(Refusal::Configuration(format!("there is no {name}: {how}; {where_to}")).into());
    }
    Ok(file)
}

/// A key that somebody else keeps: taken as it is, or not at all.
fn read_given(path: &Path) -> anyhow::Result<[u8; CURSOR_KEY_LETTERS]> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let metadata = file.metadata().with_context(|| format!("{} cannot be read", path.display()))?;
    if metadata.mode() & 0o007 != 0 {
        bail!("{} may be read by everybody; chmod 640 or 600 it", path.display());
    }
    let mut text = String::new();
    let read = file.take(MAX_FILE_BYTES).read_to_string(&mut text);
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    cursor_key(&text)
        .with_context(|| format!("{} does not hold a cursor key: {CURSOR_KEY_LETTERS} letters", path.display()))
}

fn cursor_key(text: &str) -> Option<[u8; CURSOR_KEY_LETTERS]> {
    text.trim().as_bytes().try_into().ok()
}

fn load_or_create(file: &Path) -> anyhow::Result<[u8; CURSOR_KEY_LETTERS]> {
    if let Some(text) = read_if_there(file)? {
        let key = cursor_key(&text);
        return key.with_context(|| format!("{} is damaged; remove it to get a new one", file.display()));
    }
    // Letters, so that the file is text.
    let letters = rng().sample_iter(rand::distr::Alphanumeric).take(CURSOR_KEY_LETTERS).map(char::from);
    let key: String = letters.collect();
    write_private(file, &format!("{key}\n")).context("the cursor key cannot be kept")?;
    Ok(key.into_bytes().try_into().expect("that many letters are that many bytes"))
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;

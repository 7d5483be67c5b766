#![allow(clippy::unwrap_used)]

use std::fs::{Permissions, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::config::Overrides;

/// Keys that somebody made, and settings of a program that has none of its own.
fn given_keys(mode: Mode) -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    make_keys(folder.path()).unwrap();
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.mode = mode;
    config.data.folder = folder.path().join("data");
    std::fs::create_dir(&config.data.folder).unwrap();
    config.keys.admin_key_file = folder.path().join(ADMIN_KEY);
    config.keys.cursor_key_file = folder.path().join(CURSOR_KEY);
    (folder, config)
}

fn open(config: &Config) -> anyhow::Result<Keys> {
    open_keys(&config.data.folder, config)
}

fn why_not(config: &Config) -> String {
    let error = open(config).err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(Refusal::Configuration(_))), "{error:?}");
    error.to_string()
}

#[test]
fn given_keys_are_taken_and_nothing_is_written() {
    for mode in [Mode::Embedded, Mode::Distributed] {
        let (folder, config) = given_keys(mode);
        let key = read_admin_key(&config).unwrap();
        for file in [&config.keys.admin_key_file, &config.keys.cursor_key_file] {
            // As a cluster hands out secrets: the group reads, nobody writes.
            set_permissions(file, Permissions::from_mode(0o440)).unwrap();
        }
        let keys = open(&config).unwrap();
        assert!(keys.admin.check(&key).is_ok() && keys.new_admin_key.is_none());
        assert_eq!(keys.cursor.as_slice(), read_to_string(folder.path().join(CURSOR_KEY)).unwrap().trim().as_bytes());
        assert_eq!(std::fs::read_dir(&config.data.folder).unwrap().count(), 0);
        let refused = rotate_admin_key(&config).unwrap_err().to_string();
        assert!(refused.contains(ADMIN_KEY_SETTING), "{refused}");
        assert!(make_keys(folder.path()).unwrap_err().to_string().contains("there already"));
    }
}

#[test]
fn a_given_key_that_is_missing_short_or_for_everybody_is_refused_with_words() {
    type Field = fn(&mut Config) -> &mut PathBuf;
    let fields: [(&str, Field); 2] = [
        (ADMIN_KEY_SETTING, |config| &mut config.keys.admin_key_file),
        (CURSOR_KEY_SETTING, |config| &mut config.keys.cursor_key_file),
    ];
    for (setting, field) in fields {
        let (_folder, mut config) = given_keys(Mode::Distributed);
        let file = field(&mut config).clone();
        let refused = |config: &Config, words: &str, key: &str| {
            let said = why_not(config);
            assert!(said.contains(setting) && said.contains(words) && !said.contains(key), "{said}");
        };
        let key = read_to_string(&file).unwrap().trim().to_owned();
        set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        refused(&config, "chmod", &key);
        set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let short = &key[..key.len() - 1];
        write(&file, short).unwrap();
        refused(&config, "does not hold", short);
        write(&file, key.repeat(100)).unwrap();
        refused(&config, "does not hold", &key);
        *field(&mut config) = file.with_extension("not-there");
        refused(&config, "not-there", &key);
        // The key itself, where its file is meant.
        *field(&mut config) = key.clone().into();
        let said = config.keys.check().unwrap_err().to_string();
        assert!(said.contains(setting) && !said.contains(&key), "{said}");
    }
}

#[test]
fn keys_that_are_not_given_lie_in_the_folder_and_are_made_in_mode_embedded_only() {
    let (given, mut config) = given_keys(Mode::Distributed);
    config.keys = KeysConfig::default();
    let said = why_not(&config);
    assert!(said.contains(ADMIN_KEY_SETTING) && said.contains("lawless keys new"), "{said}");
    std::fs::copy(given.path().join(ADMIN_KEY), config.data.folder.join(ADMIN_KEY)).unwrap();
    let said = why_not(&config);
    assert!(said.contains(CURSOR_KEY_SETTING) && said.contains("lawless keys new"), "{said}");
    std::fs::copy(given.path().join(CURSOR_KEY), config.data.folder.join(CURSOR_KEY)).unwrap();
    assert!(open(&config).unwrap().new_admin_key.is_none());

    let (_given, mut config) = given_keys(Mode::Embedded);
    config.keys = KeysConfig::default();
    let made = open(&config).unwrap();
    let again = open(&config).unwrap();
    assert!(again.admin.check(&made.new_admin_key.unwrap()).is_ok());
    assert_eq!((again.cursor, again.new_admin_key), (made.cursor, None));
}

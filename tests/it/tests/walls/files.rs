//! What holds for every file.

use crate::workspace::{files, root};

/// Longer files do more than one thing.
const LINES_MAX: usize = 500;

#[test]
fn no_source_file_is_too_long() {
    for file in files().iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let lines = std::fs::read_to_string(root().join(file)).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, at most {LINES_MAX} are allowed", file.display());
    }
}

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    // Written in two parts, so that this file is not found itself.
    let homes =
        [["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"], ["/wo", "rk/"], ["/tmp", "/wt"]].map(|two| two.concat());
    for file in files() {
        // What is not text names no folder that a reader could see.
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = homes.iter().find(|home| line.contains(home.as_str()));
            assert!(found.is_none(), "{}:{}: {line}", file.display(), number + 1);
        }
    }
}

#[test]
fn names_say_what_things_are() {
    for file in files() {
        for part in file.with_extension("").components() {
            let part = part.as_os_str().to_string_lossy();
            assert!(!["utils", "util", "common", "manager", "helpers", "misc"].contains(&&*part), "{}", file.display());
        }
    }
}

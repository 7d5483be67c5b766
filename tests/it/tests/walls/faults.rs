//! The list of seeded faults must fit the code: `cargo xtask faults` puts them in.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::workspace::root;

/// At least so many faults are kept.
const FAULTS_MIN: usize = 12;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    test: Vec<String>,
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    name: String,
    file: String,
    find: String,
    replace: String,
    note: String,
    test: Option<Vec<String>>,
    #[serde(default)]
    program: bool,
}

#[test]
fn every_seeded_fault_fits_the_code_in_one_place() {
    let list: List = toml::from_str(&std::fs::read_to_string(root().join("tests/faults.toml")).unwrap()).unwrap();
    assert!(list.fault.len() >= FAULTS_MIN, "only {} faults", list.fault.len());
    assert!(!list.test.is_empty());
    let mut names = BTreeSet::new();
    for fault in &list.fault {
        assert!(names.insert(&fault.name), "{} is there twice", fault.name);
        let text = std::fs::read_to_string(root().join(&fault.file)).unwrap();
        assert_eq!(text.matches(&fault.find).count(), 1, "{}: `find` must occur once in {}", fault.name, fault.file);
        assert_ne!(fault.find, fault.replace, "{} changes nothing", fault.name);
        assert!(!fault.program || fault.test.is_some(), "{}: the usual test starts no program", fault.name);
        assert!(!fault.note.is_empty() && fault.test.as_ref().is_none_or(|test| !test.is_empty()), "{}", fault.name);
    }
}

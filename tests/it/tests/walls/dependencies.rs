//! Who may depend on whom, and on what from outside.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::workspace::{METADATA, built_by_default_into, our_crates, our_dependencies, root};

/// The header of the table in `docs/ARCHITECTURE.md` that says who may depend on whom.
const TABLE: &str = "| crate | may depend on (ours) |";

/// The table, crate to crates. `None` is everything.
fn allowed() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let (_, rows) = text.split_once(TABLE).expect("docs/ARCHITECTURE.md holds the table");
    let rows = rows.trim_start().lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, may] = cells[..] else { panic!("not a row of two cells: {row}") };
        let may = match may {
            "everything" => None,
            "nothing" => Some(BTreeSet::new()),
            list => Some(list.split(", ").map(str::to_owned).collect()),
        };
        (name.to_owned(), may)
    })
    .collect()
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let allowed = allowed();
    assert_eq!(allowed.keys().cloned().collect::<BTreeSet<_>>(), our_crates(), "each crate has its row");
    for (name, dependencies) in our_dependencies() {
        if let Some(may) = &allowed[&name] {
            assert!(may.is_subset(&our_crates()), "{name}: the table names crates that are not there");
            let forbidden: Vec<_> = dependencies.difference(may).collect();
            assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
        }
    }
}

#[test]
fn the_default_program_carries_no_engine_of_the_distributed_mode_and_no_tests() {
    let built = built_by_default_into("lawless");
    for name in ["rdkafka", "scylla", "redis", "sqlx-postgres", "contracts", "it", "benches", "proptest"] {
        assert!(!built.contains(name), "{name} is built into the default program");
    }
    for name in ["heed", "sqlx-sqlite"] {
        assert!(built.contains(name), "{name} is not found: this test looks at nothing");
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in METADATA.workspace_packages() {
        let manifest: toml::Table = std::fs::read_to_string(&package.manifest_path).unwrap().parse().unwrap();
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(inherits, Some(true), "{} does not inherit the lints", package.name);
        assert!(package.publish.as_ref().is_some_and(Vec::is_empty), "{} could be published", package.name);
    }
}

/// What of `deny.toml` is held here. `cargo deny` reads the same file.
#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
}

fn deny() -> Deny {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// The packages that are built on this machine, with all that they need.
fn built() -> impl Iterator<Item = &'static cargo_metadata::Package> {
    METADATA.resolve.as_ref().unwrap().nodes.iter().map(|node| &METADATA[&node.id])
}

#[test]
fn licences_are_among_the_allowed() {
    let licences = deny().licenses;
    let mut unused: BTreeSet<&str> = licences.exceptions.iter().map(|exception| exception.name.as_str()).collect();
    for package in built() {
        let text = package.license.as_deref().unwrap_or_else(|| panic!("{} names no licence", package.name));
        let expression = Expression::parse_mode(text, ParseMode::LAX).unwrap();
        let exception = licences.exceptions.iter().find(|exception| package.name == exception.name);
        unused.remove(package.name.as_str());
        let extra = exception.map_or(&[][..], |exception| &exception.allow);
        let allowed =
            expression.evaluate(|wanted| licences.allow.iter().chain(extra).any(|name| *name == wanted.to_string()));
        assert!(allowed, "{} {} is under {text}", package.name, package.version);
    }
    assert!(unused.is_empty(), "exceptions for nothing: {unused:?}");
}

#[test]
fn banned_packages_are_not_built() {
    let bans = deny().bans;
    assert!(!bans.deny.is_empty());
    for ban in bans.deny {
        assert!(built().all(|package| package.name != ban.name), "{} is built in", ban.name);
    }
}

#[test]
fn packages_come_from_the_one_registry() {
    let sources = deny().sources;
    assert_eq!((sources.unknown_registry.as_str(), sources.unknown_git.as_str()), ("deny", "deny"));
    let ours = our_crates();
    for package in built() {
        match &package.source {
            Some(source) => assert!(source.is_crates_io(), "{} comes from {source}", package.name),
            None => assert!(ours.contains(package.name.as_str()), "{} comes from a folder", package.name),
        }
    }
}

//! Seeded faults: each one is a plausible mistake, put into a copy of the code, which a test must notice.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::{root, target};

/// Where the faults are written down.
const LIST: &str = "tests/faults.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// Arguments of `cargo test` for faults that name no test of their own.
    test: Vec<String>,
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
    note: String,
    /// Arguments of `cargo test` that must turn red.
    test: Option<Vec<String>>,
    /// Whether they start the program, which is then built before them.
    #[serde(default)]
    program: bool,
}

/// Whether a test notices every fault, or this one.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(root().join(LIST)).with_context(|| format!("reading {LIST}"))?;
    let list: List = toml::from_str(&text).with_context(|| format!("understanding {LIST}"))?;
    let faults: Vec<&Fault> = list.fault.iter().filter(|fault| only.is_none_or(|name| fault.name == name)).collect();
    ensure!(!faults.is_empty(), "there is no fault {:?} in {LIST}", only.unwrap_or_default());

    // Not below the target folder, which it shares: cargo would take what was built of it for built of the code itself.
    let folder = tempfile::tempdir().context("making a folder for the copy")?;
    let copy = folder.path().to_owned();
    copy_tree(&copy)?;
    let mut tests: Vec<(&[String], bool)> = faults.iter().map(|fault| (test_of(fault, &list), fault.program)).collect();
    tests.sort();
    tests.dedup();
    for (test, program) in tests {
        println!("without a fault: cargo test {}", test.join(" "));
        ensure!(outcome(&copy, test, program)? == Outcome::Green, "the tests must be green before a fault is put in");
    }

    let mut missed = 0;
    for fault in &faults {
        let path = copy.join(&fault.file);
        let healthy = std::fs::read_to_string(&path).with_context(|| format!("reading {}", fault.file.display()))?;
        ensure!(healthy.matches(&fault.find).count() == 1, "{}: `find` must occur once", fault.name);
        std::fs::write(&path, healthy.replace(&fault.find, &fault.replace)).context("putting the fault in")?;
        let outcome = outcome(&copy, test_of(fault, &list), fault.program);
        std::fs::write(&path, healthy).context("taking the fault out")?;
        let verdict = match outcome? {
            Outcome::Red => "noticed",
            Outcome::Green => "MISSED",
            Outcome::Broken => "DOES NOT COMPILE",
        };
        missed += usize::from(verdict != "noticed");
        println!("{:<40} {verdict:<16} {}", fault.name, fault.note);
    }
    println!("{} of {} faults noticed", faults.len() - missed, faults.len());
    Ok(missed == 0)
}

fn test_of<'a>(fault: &'a Fault, list: &'a List) -> &'a [String] {
    fault.test.as_deref().unwrap_or(&list.test)
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Green,
    Red,
    Broken,
}

/// Builds and runs tests of the copy. It shares the target folder: what the product depends on is built already.
fn outcome(copy: &Path, test: &[String], program: bool) -> anyhow::Result<Outcome> {
    let cargo = |task: &str, arguments: &[String], extra: &[&str]| -> anyhow::Result<bool> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([task, "--quiet", "--profile", "ci"])
            .args(arguments)
            .args(extra)
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", target())
            .output()
            .context("starting cargo")?;
        Ok(output.status.success())
    };
    if program && !cargo("build", &[], &["--workspace", "--bins"])? || !cargo("test", test, &["--no-run"])? {
        return Ok(Outcome::Broken);
    }
    Ok(if cargo("test", test, &[])? { Outcome::Green } else { Outcome::Red })
}

/// Copies what git knows, and what it would know after `git add`.
fn copy_tree(to: &Path) -> anyhow::Result<()> {
    let files = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .context("asking git for the files")?;
    if !files.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&files.stderr));
    }
    for name in String::from_utf8(files.stdout).context("names of files are UTF-8")?.split_terminator('\0') {
        let (from, to) = (root().join(name), to.join(name));
        if !from.exists() {
            continue; // deleted, and git does not know yet
        }
        std::fs::create_dir_all(to.parent().expect("it is in a folder"))?;
        std::fs::copy(&from, &to).with_context(|| format!("copying {name}"))?;
    }
    Ok(())
}

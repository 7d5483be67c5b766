//! The workspace as cargo sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Packages, and what is built into what with default features on this machine.
pub(crate) static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Packages of other platforms need not be there: a fresh clone has never downloaded them.
    let options = ["--locked", "--filter-platform", host].map(str::to_owned).to_vec();
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(options).exec().unwrap()
});

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap().to_owned()
}

/// Our crates.
pub(crate) fn our_crates() -> BTreeSet<String> {
    METADATA.workspace_packages().into_iter().map(|package| package.name.to_string()).collect()
}

/// Our crates, and ours that each of them is built of.
pub(crate) fn our_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let ours = our_crates();
    let of = |package: &cargo_metadata::Package| {
        let built_in = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        built_in.map(|dependency| dependency.name.clone()).filter(|name| ours.contains(name)).collect()
    };
    METADATA.workspace_packages().into_iter().map(|package| (package.name.to_string(), of(package))).collect()
}

/// Names of all packages that `cargo build` builds into a crate of ours, itself included. What other crates of the
/// workspace want of the same packages does not count, which the metadata above cannot tell.
pub(crate) fn built_by_default_into(name: &str) -> BTreeSet<String> {
    let tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--locked", "--package", name, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Files of ours, relative to the root: what git knows or would know after `git add`.
pub(crate) fn files() -> Vec<PathBuf> {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(list.status.success(), "git must be there to list the files");
    let names = String::from_utf8(list.stdout).unwrap();
    let files: Vec<PathBuf> =
        names.split_terminator('\0').map(PathBuf::from).filter(|file| root().join(file).is_file()).collect();
    assert!(files.len() > 50, "git lists only {} files", files.len());
    files
}

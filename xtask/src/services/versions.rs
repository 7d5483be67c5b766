//! The versions in `deploy/versions.env`.

use anyhow::Context;

use crate::root;

/// The file, below the workspace.
pub(crate) const FILE: &str = "deploy/versions.env";

/// One of them, by the name that it has there.
pub(crate) fn version(name: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root().join(FILE)).with_context(|| format!("reading {FILE}"))?;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .next_back()
        .with_context(|| format!("{FILE} does not say {name}"))
}

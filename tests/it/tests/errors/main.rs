//! Every error that is documented is provoked, by an example or by a test, and none is undocumented.
#![allow(clippy::unwrap_used)]

mod documented;
mod examples;

use std::path::Path;

/// The folder of the workspace.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

//! How the engines that `cargo xtask services up` started are reached.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::path::{Path, PathBuf};

/// The address of an engine, by its name; of Kafka and Cassandra, host and port.
///
/// # Panics
/// There is none: a test that needs an engine fails without it and is never skipped in silence.
pub fn url(engine: &str) -> String {
    match engine {
        "kafka" => kafka(),
        "cassandra" => cql(),
        _ => entry(engine, "url"),
    }
}

/// Host and port of the broker.
///
/// # Panics
/// As [`url`].
pub fn kafka() -> String {
    entry("kafka", "bootstrap")
}

/// Where the schema registry speaks as Confluent's does.
///
/// # Panics
/// As [`url`].
pub fn registry() -> String {
    entry("registry", "url")
}

/// Host and port of the CQL store.
///
/// # Panics
/// As [`url`].
pub fn cql() -> String {
    entry("cassandra", "bootstrap")
}

/// Where Redis is.
///
/// # Panics
/// As [`url`].
pub fn redis() -> String {
    entry("redis", "url")
}

/// Where what engines are made of was downloaded to.
pub(crate) fn downloads() -> PathBuf {
    file().with_file_name("downloads")
}

fn entry(engine: &str, key: &str) -> String {
    let file = file();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let services: toml::Table = text.parse().unwrap();
    let address = services.get(engine).and_then(|service| service.get(key)).and_then(toml::Value::as_str);
    let missing = || -> ! {
        panic!(
            "{} names no {engine}: `cargo xtask services up` starts it, `cargo xtask test --embedded` does without",
            file.display()
        )
    };
    address.unwrap_or_else(|| missing()).to_owned()
}

/// Where `cargo xtask` writes down what runs.
fn file() -> PathBuf {
    if let Some(file) = std::env::var_os("LAWLESS_SERVICES_FILE") {
        return file.into();
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    target.join("services/services.toml")
}

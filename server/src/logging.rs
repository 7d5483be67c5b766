//! The log: standard error, for people or as one JSON object a line.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Starts logging for the whole process.
///
/// # Errors
/// Logging was started before.
pub(crate) fn start(config: &LogConfig) -> anyhow::Result<()> {
    let filter = filter(config).context("log.filter")?;
    let lines = tracing_subscriber::fmt::layer()
        // All spans are at debug: those that the filter lets through are told when they end, and how long they took.
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let filtered = tracing_subscriber::registry().with(filter);
    match config.format {
        LogFormat::Text => filtered.with(lines).try_init(),
        LogFormat::Json => filtered.with(lines.json().flatten_event(true)).try_init(),
    }
    .context("logging cannot be started")
}

/// What the setting lets through. By level and module only: `EnvFilter` can do more, and brings all of regex for it.
///
/// # Errors
/// It is no filter.
pub(crate) fn filter(config: &LogConfig) -> Result<Targets, ParseError> {
    config.filter.parse()
}

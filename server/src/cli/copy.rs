//! `lawless journal copy`

use crate::config::Config;

/// Moves the journal of the data folder into the database.
///
/// # Errors
/// The folder is in use, the database has a journal with events, or something cannot be read or written.
#[cfg(feature = "distributed")]
pub async fn copy_journal(config: &Config) -> anyhow::Result<()> {
    crate::copy::move_journal(config).await
}

/// This program has no such engine.
///
/// # Errors
/// Always.
#[cfg(not(feature = "distributed"))]
pub async fn copy_journal(_: &Config) -> anyhow::Result<()> {
    Err(crate::exit::Refusal::not_built_in().into())
}

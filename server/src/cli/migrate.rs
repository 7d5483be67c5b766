//! `lawless migrate`

use crate::config::Config;
#[cfg(not(feature = "distributed"))]
use crate::exit::Refusal;

/// Makes or updates the tables of the journal.
///
/// # Errors
/// The database cannot be reached, or its tables are newer than this program.
#[cfg(feature = "distributed")]
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    use event_log::{Migrated, PostgresJournal};

    use super::say;
    use crate::exit::Refusal;

    let url = &config.journal.url;
    if url.is_empty() {
        return Err(Refusal::Configuration("journal.url says which database".to_owned()).into());
    }
    let Migrated { before, now } = PostgresJournal::migrate(url.as_str()).await?;
    say(match before {
        0 => format!("made the tables of a journal in {url}, version {now}"),
        before if before == now => format!("the tables in {url} are of version {now} already"),
        before => format!("brought the tables in {url} from version {before} to {now}"),
    });
    Ok(())
}

/// This program has no such engine.
///
/// # Errors
/// Always.
#[cfg(not(feature = "distributed"))]
pub async fn migrate(_: &Config) -> anyhow::Result<()> {
    Err(Refusal::not_built_in().into())
}

//! `lawless relay refill`

use crate::config::Config;
#[cfg(not(feature = "distributed"))]
use crate::exit::Refusal;

/// Removes the topic of the journal and has all events carried anew.
///
/// # Errors
/// Kafka or the database does not answer.
#[cfg(feature = "distributed")]
pub async fn refill(config: &Config) -> anyhow::Result<()> {
    use event_log::PostgresJournal;

    use super::say;
    use crate::config::Mode;
    use crate::exit::Refusal;

    if config.mode != Mode::Distributed {
        return Err(Refusal::Configuration("embedded, nothing is carried: it needs mode distributed".to_owned()).into());
    }
    let journal = PostgresJournal::open(config.journal.url.as_str(), Default::default()).await?;
    event_log::refill(&journal, &crate::kafka::options(&config.kafka)).await?;
    journal.close().await;
    say("the topic is removed; a relay makes it anew and carries all events from the first one on");
    Ok(())
}

/// This program has no such engine.
///
/// # Errors
/// Always.
#[cfg(not(feature = "distributed"))]
pub async fn refill(_: &Config) -> anyhow::Result<()> {
    Err(Refusal::not_built_in().into())
}

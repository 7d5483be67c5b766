//! Mode distributed: all views from what Kafka carries, beside the same from the journal's own file; then the time from
//! an acknowledged command to the page that shows it, through PostgreSQL, relay and Kafka. About 4 minutes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use contracts::database::Database;
use contracts::services;
use event_log::{
    EventFeed, Journal, KafkaEventFeed, KafkaOptions, PostgresJournal, PostgresJournalOptions, Relay, RelayOptions,
    SqliteJournal, SqliteJournalOptions,
};
use events::Position;

use crate::demo_folder::DemoFolder;
use crate::latency::{self, Visible};
use crate::process::{Server, run_command};
use crate::rebuild::{prepare_journal, rebuild};
use crate::refill::{append_all, append_of};
use crate::{Bound, Measurement, Settings, interleave};

/// Read from the journal at once while the other one is filled.
const PAGE: usize = 20_000;
/// Until everything that was appended is carried.
const CARRIED_DEADLINE: Duration = Duration::from_secs(300);

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let (wanted, pairs) = if settings.quick { (20_000, 1) } else { (200_000, 2) };
    let (file, head) = prepare_journal(settings, wanted).await?;
    let embedded = SqliteJournal::open(&file, SqliteJournalOptions::default()).await?;
    let database = Database::new().await;
    PostgresJournal::migrate(&database.url).await?;
    let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await?;
    fill(&embedded, &journal).await.context("filling the journal in PostgreSQL")?;

    let options = KafkaOptions::new(services::kafka());
    let relay = Relay::start(journal.clone(), options.clone(), RelayOptions::default());
    let carried = std::time::Instant::now();
    let mut status = relay.status();
    let all = status.wait_for(|status| status.relayed >= Position(head));
    tokio::time::timeout(CARRIED_DEADLINE, all).await.context("the relay did not carry all in time")??;
    let carried = head as f64 / carried.elapsed().as_secs_f64();

    let feed = KafkaEventFeed::new(journal.id(), options)?;
    let replay = async |feed: Arc<dyn EventFeed>| -> anyhow::Result<f64> {
        let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
        Ok(head as f64 / rebuild(feed, folder.path()).await?.as_secs_f64())
    };
    let rebuilt = interleave(
        pairs,
        async || replay(Arc::new(feed.clone())).await,
        async || replay(Arc::new(embedded.feed())).await,
    )
    .await?;
    relay.shutdown().await;
    journal.close().await;
    embedded.close().await;
    let mut measurements = vec![
        Measurement::new("kafka/relayed", carried, "events/s"),
        rebuilt
            .measurement("kafka/rebuild", "events/s")
            .must(Bound::value_at_least(30_000.0))
            .goal(Bound::value_at_least(100_000.0)),
    ];
    measurements.extend(visible(settings, &database).await?);
    Ok(measurements)
}

/// The same events in another journal.
async fn fill(from: &SqliteJournal, into: &PostgresJournal) -> anyhow::Result<()> {
    let (feed, into): (_, Arc<dyn Journal>) = (from.feed(), Arc::new(into.clone()));
    let mut after = Position::ZERO;
    loop {
        let events = feed.read(after, PAGE).await?;
        let Some(last) = events.last() else { return Ok(()) };
        after = last.position;
        let appends = events.iter().map(|event| append_of(event, 0)).collect::<anyhow::Result<Vec<_>>>()?;
        append_all(&into, appends).await?;
    }
}

/// One program does it all, over a journal that is filled.
async fn visible(settings: &Settings, database: &Database) -> anyhow::Result<Vec<Measurement>> {
    let categories = DemoFolder::prepare(settings).await?.directory().await?.categories;
    let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
    let data = folder.path().join("data");
    run_command(&data, &["keys".as_ref(), "new".as_ref(), data.as_os_str()]).await?;
    let config = folder.path().join("lawless.toml");
    let text = format!(
        "mode = \"distributed\"\n[journal]\nurl = \"{}\"\n[kafka]\nbrokers = \"{}\"\n",
        database.url,
        services::kafka()
    );
    std::fs::write(&config, text).context("writing the settings")?;
    let config = config.to_str().context("a path in UTF-8")?.to_owned();
    let server = Server::start_with(folder.path(), &["--empty", "--config", &config]).await?;
    let seconds = if settings.quick { 5 } else { 60 };
    let seen = latency::measure(&server, &categories, seconds).await?;
    let measurements = seen.measurements("kafka", &Visible { p50: (50.0, 10.0), p99: (300.0, 50.0) });
    ensure!(server.metric("lawless_relay_position").await? > 0.0, "Kafka carried nothing");
    server.terminate().await?;
    Ok(measurements)
}

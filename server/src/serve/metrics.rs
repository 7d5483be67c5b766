//! What the server tells about itself in numbers, at `/metrics`; `docs/metrics.md` is the list.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use event_log::{EventFeed, JournalError};
use events::{Position, Timestamp};
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use projectors::{GroupHandle, Publisher, PublisherHealth, RebuildPhase};
use tokio::sync::watch;
use views::{AsOf, Publication, ViewSource};

use super::process::measure_memory;
use super::readiness::{HEALTH_WORDS, PUBLISHER_WORDS, publisher_words, words};
use crate::admin_client::Rebuild;
use crate::backup::{JOURNAL_FILE, VIEWS_FOLDER};
use crate::engine::DIRECTORY_GROUP;
use crate::journal::OpenJournal;
use crate::relay::{RELAY_WORDS, RelayWatch};
use crate::served_views::AwaitedViews;

/// How often histograms move what was recorded into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// From a read out of memory to a wait that nobody should have.
const SECONDS_BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// From one by one to a rebuild's batches.
const BATCH_BUCKETS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 25.0, 100.0, 250.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];

const COUNTERS: [(&str, &str); 12] = [
    ("http_server_requests_total", "Reads that were answered"),
    ("lawless_reads_not_modified_total", "Reads whose reader had the newest answer already (304)"),
    ("lawless_commands_total", "Commands by what became of them"),
    ("lawless_command_conflicts_total", "Commands decided again because another was faster"),
    ("lawless_journal_pool_saturated_total", "Reads of the journal that found all connections in use"),
    ("lawless_journal_pool_failed_total", "Reads of the journal that got no connection"),
    ("lawless_journal_past_reads_total", "Reads of the past of a stream, by where they were had"),
    ("lawless_journal_refused_total", "Appends that the journal refused, by why"),
    ("lawless_projection_rows_written_total", "Rows that a projection wrote or removed"),
    ("lawless_projection_bytes_written_total", "Keys and values that a projection wrote"),
    ("lawless_publisher_rows_total", "Rows that were published, removed ones and doubled ones too"),
    ("lawless_publisher_failures_total", "Failures after which a publisher began again"),
];

const GAUGES: [(&str, &str); 27] = [
    ("lawless_http_connections", "Open connections, of both listeners"),
    ("lawless_journal_head_position", "Position of the newest event"),
    ("lawless_journal_queue_depth", "Appends that wait for the journal's writer"),
    ("lawless_journal_pool_connections", "Connections that read the journal, idle and in use"),
    ("lawless_journal_pool_connections_max", "The most of them that there may be"),
    ("lawless_journal_replica_up", "1 while the past is read from the replica, else 0"),
    ("lawless_journal_replica_lag_events", "Events that the replica has not got yet"),
    ("lawless_journal_replica_lag_seconds", "Age of the oldest event that the replica has not got yet"),
    ("lawless_projection_published_position", "Position up to which the rows are published"),
    ("lawless_projection_lag_events", "Events that are not in the rows yet"),
    ("lawless_projection_lag_seconds", "Age of the oldest event that is not in the rows yet"),
    ("lawless_projection_parked_streams", "Streams that are set aside because an event cannot be folded"),
    ("lawless_projection_health", "1 for what the group is: live, halted and so on; 0 for the rest"),
    ("lawless_projection_rebuild_running", "1 while all rows of the group are made anew"),
    ("lawless_projection_rebuild_position", "Position up to which a rebuild has come"),
    ("lawless_projection_rebuild_remaining_seconds", "How long a rebuild takes if it goes on as fast as so far"),
    ("lawless_publisher_health", "1 for what the publisher is: live, stalled and so on; 0 for the rest"),
    ("lawless_publisher_position", "Position up to which rows are published, as the publisher knows"),
    ("lawless_publisher_age_seconds", "Age of the newest moment of which what is published misses nothing"),
    ("lawless_relay_health", "1 for what the relay is: standby, relaying and so on; 0 for the rest"),
    ("lawless_relay_position", "Position up to which Kafka has acknowledged events to this relay"),
    ("lawless_views_age_seconds", "Age of the newest moment of which the rows are known to miss nothing"),
    ("lawless_store_size_bytes", "Bytes that a store takes on disk"),
    ("lawless_build_info", "Always 1; the version is a label"),
    ("process_start_time_seconds", "When the process began, in seconds since 1970"),
    ("process_resident_memory_bytes", "Memory of the process that is in use, pages of files with it"),
    ("process_anonymous_memory_bytes", "Of it what belongs to the process alone"),
];

const HISTOGRAMS: [(&str, &str); 7] = [
    ("http_server_request_duration_seconds", "Time from the first handler of a read to the finished response"),
    ("lawless_command_seconds", "Time from a command to its answer"),
    ("lawless_journal_append_seconds", "Time from an append to its answer, synced to the disk"),
    ("lawless_journal_batch_commands", "Commands in one transaction of the journal"),
    ("lawless_journal_pool_wait_seconds", "Time until a read of the journal had its connection"),
    ("lawless_projection_batch_events", "Events in one commit of a projection"),
    ("lawless_projection_commit_seconds", "Time of one commit of a projection"),
];

/// Installs the recorder. What was recorded before it is lost.
///
/// # Errors
/// There is one already.
pub(super) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    // Buckets can be added up over processes, and cost less to fill than a summary's quantiles.
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_events".to_owned()), &BATCH_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &BATCH_BUCKETS))
        .and_then(PrometheusBuilder::install_recorder)
        .context("metrics cannot be started")?;
    COUNTERS.into_iter().for_each(|(name, told)| describe_counter!(name, told));
    GAUGES.into_iter().for_each(|(name, told)| describe_gauge!(name, told));
    HISTOGRAMS.into_iter().for_each(|(name, told)| describe_histogram!(name, told));
    gauge!("lawless_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("process_start_time_seconds").set(now().0 as f64 / 1e6);
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Measures what nobody tells of by itself, because nothing happens at the moment when it changes: a group that has
/// stopped falls behind all the time. What cannot be measured keeps its last value.
pub(super) async fn measure(measured: &Measured) {
    measure_memory();
    if let Some(journal) = &measured.journal {
        journal.measure().await;
        let group = measured.directory.as_deref();
        group.inspect(|directory| measure_health(directory));
        if let Err(error) = measure_journal(journal, group).await {
            tracing::warn!(%error, "the lag of the projections cannot be measured");
        }
    }
    measure_relay(&measured.relay);
    measure_age(measured);
    measure_publisher(measured);
    if let Some(folder) = &measured.folder {
        let (journal, views) = (folder.join(JOURNAL_FILE), folder.join(VIEWS_FOLDER));
        let sizes = tokio::task::spawn_blocking(move || (size_of_journal(&journal), size_of_folder(&views))).await;
        if let Ok((journal, views)) = sizes {
            // One in a database is measured there.
            if journal > 0 {
                gauge!("lawless_store_size_bytes", "store" => "journal").set(journal as f64);
            }
            gauge!("lawless_store_size_bytes", "store" => "views").set(views as f64);
        }
    }
}

/// What of a process can be measured.
#[derive(Clone)]
pub(super) struct Measured {
    pub(super) journal: Option<OpenJournal>,
    pub(super) directory: Option<Arc<GroupHandle>>,
    /// The rows that are read here, whoever makes them.
    pub(super) views: Option<AwaitedViews>,
    /// Who publishes them.
    pub(super) publishing: Option<Publishing>,
    pub(super) relay: RelayWatch,
    /// The data folder, if it is this process that fills it.
    pub(super) folder: Option<PathBuf>,
}

/// What there is to know of a publisher.
#[derive(Clone)]
pub(super) struct Publishing {
    health: watch::Receiver<PublisherHealth>,
    published: watch::Receiver<Option<Publication>>,
}

impl Publishing {
    pub(super) fn of(publisher: &Publisher) -> Self {
        Self { health: publisher.health(), published: publisher.published() }
    }
}

fn measure_publisher(measured: &Measured) {
    let Some(publishing) = &measured.publishing else { return };
    let (health, _) = publisher_words(&publishing.health.borrow());
    for one in PUBLISHER_WORDS {
        let is = f64::from(u8::from(one == health));
        gauge!("lawless_publisher_health", "group" => DIRECTORY_GROUP, "health" => one).set(is);
    }
    if *publishing.health.borrow() == PublisherHealth::Standby {
        // It does not know, and nobody is to be warned of that.
        return;
    }
    let group = [("group", DIRECTORY_GROUP)];
    let published = publishing.published.borrow();
    gauge!("lawless_publisher_position", &group).set(published.as_ref().map_or(0, |one| one.position.0) as f64);
    let as_of = published.as_ref().and_then(|published| published.as_of);
    gauge!("lawless_publisher_age_seconds", &group).set(as_of.map_or(f64::INFINITY, age_of));
}

fn measure_relay(relay: &RelayWatch) {
    let Some(report) = relay.report() else { return };
    for one in RELAY_WORDS {
        gauge!("lawless_relay_health", "health" => one).set(f64::from(u8::from(one == report.health)));
    }
    gauge!("lawless_relay_position").set(report.relayed as f64);
}

fn measure_age(measured: &Measured) {
    let Some(views) = &measured.views else { return };
    let group = [("group", DIRECTORY_GROUP)];
    let Some(views) = views.get() else {
        gauge!("lawless_views_age_seconds", &group).set(f64::INFINITY);
        return;
    };
    if measured.directory.is_none() {
        gauge!("lawless_projection_published_position", &group).set(views.current().status().published.0 as f64);
    }
    let age = match views.current().as_of() {
        AsOf::Journal => return,
        AsOf::Time(time) => age_of(time),
        // So that whoever is warned of old rows is warned of these, too.
        AsOf::Unknown => f64::INFINITY,
    };
    gauge!("lawless_views_age_seconds", &group).set(age);
}

fn measure_health(directory: &GroupHandle) {
    let (health, _) = words(&directory.health().borrow());
    for one in HEALTH_WORDS {
        let is = f64::from(u8::from(one == health));
        gauge!("lawless_projection_health", "group" => DIRECTORY_GROUP, "health" => one).set(is);
    }
}

fn measure_rebuild(directory: &GroupHandle, head: Position) {
    let status = directory.rebuilding().borrow().clone();
    let running = status.filter(|status| matches!(status.phase, RebuildPhase::Folding | RebuildPhase::Comparing));
    let rebuild = running.map(|status| Rebuild::towards(status, head.0));
    let group = [("group", DIRECTORY_GROUP)];
    gauge!("lawless_projection_rebuild_running", &group).set(f64::from(u8::from(rebuild.is_some())));
    let position = rebuild.as_ref().map_or(0, |rebuild| rebuild.status.position);
    gauge!("lawless_projection_rebuild_position", &group).set(position as f64);
    let left = rebuild.and_then(|rebuild| rebuild.seconds_left).unwrap_or(0.0);
    gauge!("lawless_projection_rebuild_remaining_seconds", &group).set(left);
}

async fn measure_journal(journal: &OpenJournal, directory: Option<&GroupHandle>) -> Result<(), JournalError> {
    // Before the head, so that what is published meanwhile is not taken for being ahead of it.
    let status = directory.map(GroupHandle::status);
    let head = journal.feed().head().await?;
    gauge!("lawless_journal_head_position").set(head.0 as f64);
    let (Some(directory), Some(status)) = (directory, status) else { return Ok(()) };
    let lag = Lag::measure(journal.feed().as_ref(), status.published, head, now()).await?;
    let group = [("group", DIRECTORY_GROUP)];
    gauge!("lawless_projection_published_position", &group).set(status.published.0 as f64);
    gauge!("lawless_projection_lag_events", &group).set(lag.events as f64);
    gauge!("lawless_projection_lag_seconds", &group).set(lag.seconds);
    gauge!("lawless_projection_parked_streams", &group).set(status.parked.len() as f64);
    measure_rebuild(directory, head);
    Ok(())
}

/// How far rows are behind the journal.
#[derive(Debug, PartialEq)]
struct Lag {
    events: u64,
    /// Age of the oldest event that is missing.
    seconds: f64,
}

impl Lag {
    async fn measure(
        feed: &dyn EventFeed,
        published: Position,
        head: Position,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let events = head.0.saturating_sub(published.0);
        let oldest = if events > 0 { feed.read(published, 1).await?.into_iter().next() } else { None };
        let seconds = oldest.map_or(0.0, |event| (now.0 - event.recorded_at.0) as f64 / 1e6);
        Ok(Self { events, seconds: seconds.max(0.0) })
    }
}

fn age_of(time: Timestamp) -> f64 {
    ((now().0 - time.0) as f64 / 1e6).max(0.0)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The journal's file, and the logs that SQLite keeps beside it.
fn size_of_journal(file: &Path) -> u64 {
    let logs = ["-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    std::iter::once(file).chain(logs.iter().map(PathBuf::as_path)).map(size_on_disk).sum()
}

/// All files in it. What goes away meanwhile counts nothing.
fn size_of_folder(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of_folder(&entry.path()),
            _ => size_on_disk(&entry.path()),
        })
        .sum()
}

/// Room that is taken: a sparse file is smaller than it is long.
fn size_on_disk(file: &Path) -> u64 {
    const BLOCK: u64 = 512;
    std::fs::symlink_metadata(file).map_or(0, |found| std::os::unix::fs::MetadataExt::blocks(&found) * BLOCK)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use command_api::{Command, CommandContext, DefineCategory};
    use events::{Actor, ActorKind};

    use super::*;
    use crate::config::{Config, Overrides};
    use crate::engine::Engine;
    use crate::folder::DataFolder;

    #[tokio::test]
    async fn the_lag_grows_with_time_and_with_events_while_nothing_is_folded() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::load(None, &Overrides::default()).unwrap();
        let engine = Engine::open(DataFolder::open(&folder.path().join("data")).unwrap(), &config).await.unwrap();
        for slug in ["one", "two", "three"] {
            let names = command_api::LocalizedNames([("en".to_owned(), slug.to_owned())].into());
            let context = CommandContext::of(Actor { kind: ActorKind::Admin, id: "test".to_owned() });
            let command = Command::DefineCategory(slug.to_owned(), DefineCategory { parent: None, names });
            engine.commands().execute(context, command).await.unwrap();
        }
        let feed = engine.journal.feed();
        let recorded: Vec<i64> =
            feed.read(Position::ZERO, 9).await.unwrap().iter().map(|event| event.recorded_at.0).collect();
        // Nothing was ever folded, as if the group had halted.
        for (published, head, later, events, seconds) in [
            (0, 3, 2_000_000, 3, 2.0),
            (0, 3, 7_500_000, 3, 7.5),
            (1, 3, 2_000_000, 2, 2.0),
            (2, 3, 4_000_000, 1, 4.0),
            (3, 3, 9_000_000, 0, 0.0),
        ] {
            let oldest = recorded.get(published as usize).or(recorded.last()).unwrap();
            let now = Timestamp(oldest + later);
            let lag = Lag::measure(feed.as_ref(), Position(published), Position(head), now).await.unwrap();
            assert_eq!(lag, Lag { events, seconds }, "published {published} of {head}");
        }
        engine.close().await;
    }

    #[test]
    fn a_store_is_as_large_as_what_it_takes_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.sqlite");
        for (name, bytes) in [("journal.sqlite", 8_192), ("journal.sqlite-wal", 4_096), ("other", 65_536)] {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            std::io::Write::write_all(&mut &file, &vec![1; bytes]).unwrap();
            file.sync_all().unwrap();
        }
        std::fs::create_dir_all(folder.path().join("views/directory.1")).unwrap();
        let sparse = std::fs::File::create(folder.path().join("views/directory.1/data.mdb")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        assert_eq!(size_of_journal(&journal), 12_288);
        assert!(size_of_folder(&folder.path().join("views")) < 1 << 20, "a hole takes no room");
        assert!(size_of_folder(folder.path()) >= 77_824, "files and folders below it");
        assert_eq!(size_of_folder(&folder.path().join("nothing")), 0);
    }
}

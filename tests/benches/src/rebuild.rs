//! All views from the journal: demo events replayed by the real runner into a fresh store. About 2 minutes, and as long
//! again when the journal has to be made first.
//!
//! The journal holds the events of the demo directory and then those of copies of its businesses, under other names,
//! until there are enough.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use event_log::{EventFeed, Journal, SqliteJournal, SqliteJournalOptions};
use events::StreamKind;
use projectors::{DirectoryProjection, ReplayOptions, RunnerOptions, StoreOptions, replay};
use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt;

use crate::demo_folder::{DemoFolder, disk_bytes, remove_folder};
use crate::process::cpu_seconds;
use crate::refill::{append_all, append_of};
use crate::spans::SpanTimes;
use crate::{Bound, Measurement, Settings, median};

/// Runs whose median counts.
const RUNS: usize = 3;
/// Events that are prepared at once while the journal is made.
const PREPARED: usize = 50_000;

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let wanted: u64 = if settings.quick { 20_000 } else { 1_000_000 };
    let (path, head) = prepare_journal(settings, wanted).await?;
    let journal = SqliteJournal::open(&path, SqliteJournalOptions::default()).await?;
    let feed: Arc<dyn EventFeed> = Arc::new(journal.feed());
    let times = SpanTimes::default();
    // For all threads: the projection renders and commits on several.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(times.clone()))?;
    let (mut rates, mut seconds, mut bytes) = (Vec::new(), 0.0, 0);
    let cpu_before = cpu_seconds(std::process::id())?;
    for _ in 0..RUNS {
        let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
        let took = rebuild(feed.clone(), folder.path()).await?;
        seconds += took.as_secs_f64();
        rates.push(head as f64 / took.as_secs_f64());
        bytes = disk_bytes(folder.path())?;
    }
    let cpu = cpu_seconds(std::process::id())? - cpu_before;
    journal.close().await;
    rates.sort_by(f64::total_cmp);
    let spread = rates[RUNS - 1] / rates[0] - 1.0;
    let share = |name: &str| {
        Measurement::new(&format!("rebuild/share-of-{name}"), 100.0 * times.seconds(name) / seconds, "% of time")
    };
    Ok(vec![
        Measurement::new("rebuild/events", median(&rates), "events/s")
            .spread(spread)
            .must(Bound::value_at_least(50_000.0))
            .goal(Bound::value_at_least(200_000.0)),
        // What a busy machine leaves alone.
        Measurement::new("rebuild/events-per-cpu-second", RUNS as f64 * head as f64 / cpu, "events/CPU-s"),
        share("fold"),
        share("render"),
        share("commit"),
        Measurement::new("rebuild/views-per-event", bytes as f64 / head as f64, "bytes on disk"),
    ])
}

/// Replays a feed into a fresh store in a folder.
pub(crate) async fn rebuild(feed: Arc<dyn EventFeed>, folder: &Path) -> anyhow::Result<Duration> {
    let (handle, runner) = (Handle::current(), RunnerOptions::default());
    let options = ReplayOptions {
        group: "directory".to_owned(),
        folder: folder.join("views"),
        until: None,
        store: StoreOptions::default(),
        runner: runner.clone(),
    };
    let replaying = tokio::task::spawn_blocking(move || {
        let projection = Box::new(DirectoryProjection::default());
        let started = Instant::now();
        replay(&handle, feed, projection, &options, || runner.catch_up_batch_events, drop)
            .map(|_store| started.elapsed())
    });
    Ok(replaying.await.context("the replay panicked")??)
}

/// A journal with at least this many events; its file and its head.
pub(crate) async fn prepare_journal(settings: &Settings, wanted: u64) -> anyhow::Result<(PathBuf, u64)> {
    // Another set of schemas is another journal.
    let name = format!("journal-{wanted}-{:08x}", events::schema_fingerprint());
    let (folder, making) = (settings.cache.join(&name), settings.cache.join(format!("{name}.new")));
    let file = folder.join("journal.sqlite");
    if !file.exists() {
        remove_folder(&making)?;
        std::fs::create_dir_all(&making).with_context(|| format!("making {}", making.display()))?;
        let started = Instant::now();
        make_journal(settings, &making.join("journal.sqlite"), wanted).await?;
        std::fs::rename(&making, &folder).context("keeping the journal")?;
        eprintln!("  a journal of {wanted} events made in {:.1} s", started.elapsed().as_secs_f64());
    }
    let journal = SqliteJournal::open(&file, SqliteJournalOptions::default())
        .await
        .with_context(|| format!("{} does not open; remove it to have it made again", file.display()))?;
    let head = journal.feed().head().await?.0;
    journal.close().await;
    ensure!(head >= wanted, "the journal has {head} events only; remove {} to have it made again", folder.display());
    Ok((file, head))
}

async fn make_journal(settings: &Settings, file: &Path, wanted: u64) -> anyhow::Result<()> {
    let events = DemoFolder::prepare(settings).await?.events().await?;
    let opened = SqliteJournal::open(file, SqliteJournalOptions::default()).await?;
    let (journal, feed): (Arc<dyn Journal>, _) = (Arc::new(opened.clone()), opened.feed());
    for copy in 0_u32.. {
        let left = wanted.saturating_sub(feed.head().await?.0);
        if left == 0 {
            break;
        }
        let fresh = events.iter().filter(|event| copy == 0 || event.header.stream.kind == StreamKind::Business);
        let fresh: Vec<_> = fresh.take(usize::try_from(left)?).collect();
        for some in fresh.chunks(PREPARED) {
            let appends = some.iter().map(|event| append_of(event, copy)).collect::<anyhow::Result<Vec<_>>>()?;
            append_all(&journal, appends).await?;
        }
    }
    opened.close().await;
    Ok(())
}

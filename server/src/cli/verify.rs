//! `lawless journal verify` and `lawless views verify`: whether what is stored is what it must be.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use event_log::{EventFeed, SqliteJournal, SqliteJournalOptions};
use events::{Codec, Position, RecordedEvent, StreamId, StreamVersion};
use indicatif::{ProgressBar, ProgressStyle};
use projectors::{
    Checkpoint, DIRECTORY_VERSION, Difference, DirectoryProjection, Generations, LmdbProjectionStore, ProjectionStore,
    ReplayOptions, RunnerOptions, StoreError, StoreOptions, replay,
};
use tokio::runtime::Handle;

use super::say;
use crate::config::{Config, Mode};
use crate::copy::{Compared, compare};
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::folder::DataFolder;

/// Events that are read at once.
const PAGE: usize = 1_024;
/// Findings that are printed; the rest is counted.
const FINDINGS_SHOWN: usize = 10;

/// Reads the whole journal: positions and versions dense, checksums right, every payload understood. With `against`, it
/// has all that the journal of that data folder has, too.
///
/// # Errors
/// Something is not as it must be, or a folder cannot be opened.
pub async fn verify_journal(config: &Config, against: Option<&Path>) -> anyhow::Result<()> {
    let engine = open(config).await?;
    let checked = check_journal(engine.journal.feed().as_ref()).await;
    let compared = match against {
        Some(folder) if checked.is_ok() => Some(compare_with(&engine, folder).await),
        _ => None,
    };
    engine.close().await;
    let (checked, compared) = (checked?, compared.transpose()?);
    say(format!("{} events of {} streams: dense, whole and understood", checked.position, checked.versions.len()));
    if let (Some(compared), Some(folder)) = (compared, against) {
        let Compared { events, claims, keys, keys_gone } = compared;
        say(format!(
            "as in {}: {events} events, {claims} names, {keys} idempotency keys; {keys_gone} more keys have expired",
            folder.display()
        ));
    }
    Ok(())
}

async fn compare_with(engine: &Engine, folder: &Path) -> anyhow::Result<Compared> {
    ensure!(folder.join("format").is_file(), "there is no data folder {}", folder.display());
    let old = DataFolder::open(folder)?;
    old.belongs_to(Mode::Embedded)?;
    ensure!(old.journal_file().is_file(), "there is no journal in {}", folder.display());
    let journal = SqliteJournal::open(old.journal_file(), SqliteJournalOptions::default()).await?;
    let (feed, ours) = (journal.feed(), engine.journal.feed());
    let bar = progress(feed.head().await?);
    let compared =
        compare(&journal, engine.journal.records().as_ref(), (&feed, ours.as_ref()), |at| bar.set_position(at.0)).await;
    bar.finish_and_clear();
    journal.close().await;
    compared
}

/// Folds the journal anew beside the views and compares every row and all state.
///
/// # Errors
/// They differ, or the folder cannot be opened.
pub async fn verify_views(config: &Config) -> anyhow::Result<()> {
    let engine = open(config).await?;
    let views_folder = engine.folder.views_folder();
    let serving = Generations::of(&views_folder, DIRECTORY_GROUP).serving_folder()?;
    let Some(folder) = serving.filter(|folder| folder.is_dir()) else {
        bail!("there are no views yet; the server makes them")
    };
    let store = StoreOptions { map_bytes: config.views.map_gib << 30, ..StoreOptions::default() };
    let views = LmdbProjectionStore::open(&folder, &store)?;
    let Some(checkpoint) = views.checkpoint()? else { bail!("the views are empty; the server fills them") };
    let (journal, head) = (engine.journal.id(), engine.head().await?);
    if checkpoint.journal_id != journal || checkpoint.position > head {
        // A replay would wait for events that never come.
        let Checkpoint { journal_id, position, .. } = checkpoint;
        let reason =
            format!("they follow journal {journal_id} to {position}, this is journal {journal} and ends at {head}");
        return Err(StoreError::Foreign { reason }.into());
    }
    let (found, ours) = (checkpoint.projection_version, DIRECTORY_VERSION);
    ensure!(
        found == ours,
        "the views are of version {found}, this program makes version {ours}; the server makes them anew"
    );
    let scratch = tempfile::Builder::new().prefix(".verify-").tempdir_in(&views_folder).context("making a folder")?;
    let options = ReplayOptions {
        group: DIRECTORY_GROUP.to_owned(),
        folder: scratch.path().to_owned(),
        until: Some(checkpoint.position),
        store,
        runner: RunnerOptions { catch_up_bytes: config.views.catch_up_mib << 20, ..RunnerOptions::default() },
    };
    let (handle, feed) = (Handle::current(), engine.journal.feed());
    let bar = progress(checkpoint.position);
    let compare = move || -> anyhow::Result<Option<Difference>> {
        let batch_events = options.runner.catch_up_batch_events;
        let projection = Box::new(DirectoryProjection::default());
        let shown = bar.clone();
        let anew =
            replay(&handle, feed, projection, &options, move || batch_events, move |at| shown.set_position(at.0))?;
        bar.finish_and_clear();
        Ok(Difference::between(&views, &anew, || (), || true)?)
    };
    let compared = tokio::task::spawn_blocking(compare).await.context("comparing")?;
    engine.close().await;
    let difference = compared?.context("the comparison was broken off")?;
    show(&difference.examples);
    let (count, position) = (difference.count(), checkpoint.position);
    ensure!(
        count == 0,
        "{count} differences to a replay up to event {position}; `lawless projections rebuild {DIRECTORY_GROUP}` mends them"
    );
    say(format!("{} rows at event {position}: all as a replay of the journal makes them", difference.rows_equal()));
    Ok(())
}

pub(super) async fn open(config: &Config) -> anyhow::Result<Engine> {
    let folder = &config.data.folder;
    ensure!(folder.join("format").is_file(), "there is no data folder {}", folder.display());
    Engine::open(DataFolder::open(folder)?, config).await
}

/// What was found to be right.
struct Checked {
    position: Position,
    versions: HashMap<StreamId, StreamVersion>,
}

/// The feed itself refuses a hole and a wrong checksum.
async fn check_journal(feed: &dyn EventFeed) -> anyhow::Result<Checked> {
    let head = feed.head().await?;
    let bar = progress(head);
    let mut checked = Checked { position: Position::ZERO, versions: HashMap::new() };
    let mut strange = Vec::new();
    while checked.position < head {
        let events = feed.read(checked.position, PAGE).await?;
        ensure!(!events.is_empty(), "the journal says it ends at {head}, and nothing is after {}", checked.position);
        for event in &events {
            checked.take(event)?;
            let header = &event.header;
            if let Err(error) = Codec::shared().decode(&header.event_type, header.schema_version, &event.payload) {
                strange.push(format!("{} at {} is not understood: {error}", header.event_type, event.position));
            }
        }
        bar.set_position(checked.position.0);
    }
    bar.finish_and_clear();
    show(&strange);
    ensure!(strange.is_empty(), "{} of {head} events are not understood by this program", strange.len());
    Ok(checked)
}

impl Checked {
    fn take(&mut self, event: &RecordedEvent) -> anyhow::Result<()> {
        let (stream, version) = (event.header.stream, event.header.version);
        let last = self.versions.entry(stream).or_insert(StreamVersion::ZERO);
        ensure!(version == last.next(), "{stream} goes from version {last} to {version} at {}", event.position);
        *last = version;
        self.position = event.position;
        Ok(())
    }
}

pub(super) fn show(findings: &[String]) {
    findings.iter().take(FINDINGS_SHOWN).for_each(say);
    if let Some(more) = findings.len().checked_sub(FINDINGS_SHOWN + 1) {
        say(format!("and {} more", more + 1));
    }
}

pub(super) fn progress(head: Position) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:30} {percent}% {human_pos} of {human_len} events ({per_sec}), {eta} left")
            .expect("a constant template, shown by every verification");
    let bar = ProgressBar::new(head.0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

//! Looks at a data folder while no program runs: what is in the journal, and how far the views have come.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use event_log::{EventFeed as _, SqliteJournal, SqliteJournalOptions};
use events::Position;
use it::marked::Seen;
use projectors::{
    DirectoryProjection, Generations, LmdbProjectionStore, ProjectionStore as _, ReplayOptions, RunnerOptions,
    StoreOptions, replay,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Handle;

/// The group whose rows are compared.
const DIRECTORY_GROUP: &str = "directory";

/// Events that are read at once.
const PAGE: usize = 4096;

/// The address space of a store that is looked at.
const MAP_BYTES: usize = 16 << 30;

/// Reads what the journal holds beyond what was seen.
///
/// # Errors
/// It holds what it must not, or not what it must.
pub(crate) async fn read_journal(data: &Path, seen: &mut Seen) -> anyhow::Result<()> {
    let journal = open_journal(data).await?;
    let feed = journal.feed();
    let head = feed.head().await?;
    ensure!(head >= seen.head(), "the journal ends at {head} and was seen to reach {}", seen.head());
    loop {
        let events = feed.read(seen.head(), PAGE).await?;
        for event in &events {
            seen.take(event)?;
        }
        if events.is_empty() {
            break;
        }
    }
    ensure!(head == seen.head(), "the journal says it ends at {head}, and {} events are there", seen.head());
    journal.close().await;
    Ok(())
}

async fn open_journal(data: &Path) -> anyhow::Result<SqliteJournal> {
    let path = data.join("journal.sqlite");
    SqliteJournal::open(path, SqliteJournalOptions::default()).await.context("opening the journal after a kill")
}

fn views_of(data: &Path) -> PathBuf {
    let serving = Generations::of(&data.join("views"), DIRECTORY_GROUP).serving_folder();
    serving.ok().flatten().unwrap_or_else(|| data.join("views").join("none"))
}

fn store_options() -> StoreOptions {
    StoreOptions { map_bytes: MAP_BYTES, ..StoreOptions::default() }
}

/// How far the views have come.
///
/// # Errors
/// They cannot be opened.
pub(crate) fn views_position(data: &Path) -> anyhow::Result<Position> {
    let folder = views_of(data);
    if !folder.exists() {
        return Ok(Position::ZERO);
    }
    let store = LmdbProjectionStore::open(&folder, &store_options()).context("opening the views after a kill")?;
    Ok(store.checkpoint()?.map_or(Position::ZERO, |checkpoint| checkpoint.position))
}

/// Folds the journal anew up to where the views are, in batches of other sizes; both must be the same bytes. How many
/// rows were compared.
///
/// # Errors
/// They are not.
pub(crate) async fn compare_with_replay(data: &Path, mut rng: ChaCha8Rng) -> anyhow::Result<u64> {
    let views = LmdbProjectionStore::open(&views_of(data), &store_options()).context("opening the views")?;
    let Some(checkpoint) = views.checkpoint()? else { return Ok(0) };
    let journal = open_journal(data).await?;
    let feed = Arc::new(journal.feed());
    let scratch = tempfile::tempdir().context("making a folder")?;
    let options = ReplayOptions {
        group: DIRECTORY_GROUP.to_owned(),
        folder: scratch.path().join("replayed"),
        until: Some(checkpoint.position),
        store: store_options(),
        runner: RunnerOptions::default(),
    };
    let handle = Handle::current();
    let replayed = tokio::task::spawn_blocking(move || {
        replay(&handle, feed, Box::new(DirectoryProjection::default()), &options, || rng.random_range(1..500), drop)
    });
    let replayed = replayed.await.context("the thread of the replay")?.context("replaying the journal")?;
    journal.close().await;
    let (live, anew) = (views.fingerprint()?, replayed.fingerprint()?);
    ensure!(live == anew, "the views at {} differ from a replay: {live:?}, {anew:?}", checkpoint.position);
    Ok(live.rows)
}

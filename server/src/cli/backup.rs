//! `lawless backup`, `lawless restore` and `lawless journal adopt`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use event_log::Adopted;
#[cfg(feature = "distributed")]
use event_log::PostgresJournal;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use projectors::{Generations, LmdbProjectionStore, LmdbViewReader, ProjectionStore, StoreOptions};
use tokio::sync::watch;
use views::ViewStatus;

use super::projections::client;
use super::say;
#[cfg(feature = "distributed")]
use crate::backup::forget_views;
use crate::backup::{BackupSource, Manifest, Progress, adopt_journal, check_empty, make_backup, restore_backup};
use crate::config::{Config, Mode};
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::exit::Refusal;
use crate::folder::DataFolder;

/// Saves the data folder into another one; the running server does it, if one runs.
///
/// # Errors
/// The folder is not empty, or cannot be written; the server or the data folder cannot be used.
pub async fn save_backup(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let data = &config.data.folder;
    ensure_is_data_folder(data)?;
    let folder = std::path::absolute(folder).context("the folder of the backup")?;
    check_empty(&folder, data)?;
    let manifest = match client(config)? {
        Some(admin) => {
            let bar = progress_bar();
            let made = admin.backup(&folder, |progress| show(&bar, progress)).await;
            bar.finish_and_clear();
            made?
        }
        None => save_stopped(config, folder.clone()).await?,
    };
    let Manifest { head, journal_id, files, .. } = &manifest;
    say(format!(
        "{head} events of journal {journal_id}, {} files, {}, in {} after {:.1} s",
        files.len(),
        HumanBytes(manifest.bytes()),
        folder.display(),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// No server runs: this process reads the folder itself.
async fn save_stopped(config: &Config, folder: PathBuf) -> anyhow::Result<Manifest> {
    ensure_is_embedded(config, "backup")?;
    let engine = Engine::open(DataFolder::open(&config.data.folder)?, config).await?;
    let views = stopped_views(config, &engine)?;
    let source = BackupSource { folder: config.data.folder.clone(), journal: engine.journal.file()?, views };
    let (progress, shown) = watch::channel(Progress::default());
    let made = while_showing(shown, make_backup(source, folder, &progress)).await;
    engine.close().await;
    made
}

/// The views that lie there; a folder whose server never ran has none.
fn stopped_views(config: &Config, engine: &Engine) -> anyhow::Result<Option<Arc<LmdbViewReader>>> {
    let serving = Generations::of(&engine.folder.views_folder(), DIRECTORY_GROUP).serving_folder()?;
    let Some(folder) = serving.filter(|folder| folder.is_dir()) else { return Ok(None) };
    let options = StoreOptions { map_bytes: config.views.map_gib << 30, ..StoreOptions::default() };
    let store = LmdbProjectionStore::open(&folder, &options)?;
    let Some(checkpoint) = store.checkpoint()? else { return Ok(None) };
    let (journal_id, published) = (engine.journal.id(), checkpoint.position);
    ensure!(
        checkpoint.journal_id == journal_id,
        "the views in {} are of another journal; remove them to have them made anew",
        folder.display()
    );
    let (_, status) =
        watch::channel(ViewStatus { journal_id, published, parked: Arc::default(), frozen: false, recorded_at: None });
    Ok(Some(Arc::new(store.view_reader(status))))
}

/// Makes the data folder out of a backup.
///
/// # Errors
/// The backup is not whole, the data folder is not empty, or something cannot be read or written.
pub async fn restore(config: &Config, backup: &Path, same_journal: bool) -> anyhow::Result<()> {
    ensure_is_embedded(config, "restore")?;
    let started = Instant::now();
    let (progress, shown) = watch::channel(Progress::default());
    let data = &config.data.folder;
    let restored = while_showing(shown, restore_backup(backup, data, same_journal, progress)).await?;
    let took = started.elapsed().as_secs_f64();
    let (previous, head) = (restored.manifest.journal_id, restored.manifest.head);
    say(format!("{head} events in {} after {took:.1} s", data.display()));
    if same_journal {
        say(format!("it is still journal {previous}: nothing else may go on with it"));
    } else {
        say(format!("journal {previous} is journal {} here: old tokens and cursors are refused", restored.journal_id));
        say("the views are made at the next start");
    }
    Ok(())
}

/// Gives the journal a new id: that of the data folder, or in mode distributed that of the database.
///
/// # Errors
/// There is no data folder, it is in use, or the database cannot be reached.
pub async fn adopt(config: &Config) -> anyhow::Result<()> {
    ensure_is_data_folder(&config.data.folder)?;
    let folder = DataFolder::open(&config.data.folder)?;
    folder.belongs_to(config.mode)?;
    let adopted = match config.mode {
        Mode::Embedded => adopt_journal(&folder).await?,
        Mode::Distributed => adopt_database(config, &folder).await?,
    };
    say(format!("journal {} is journal {} from event {} on", adopted.previous, adopted.id, adopted.head));
    if config.mode == Mode::Embedded {
        say("old tokens and cursors are refused; the views are made at the next start");
    } else {
        say("old tokens are refused; the views are made at the next start");
        say("other programs stop taking commands: remove `views` in their data folders, too");
        say("give all of them another cursor key: the old cursors name positions of the old journal");
    }
    Ok(())
}

/// What is derived goes first: it is made anew in any case.
#[cfg(feature = "distributed")]
async fn adopt_database(config: &Config, folder: &DataFolder) -> anyhow::Result<Adopted> {
    forget_views(folder)?;
    Ok(PostgresJournal::adopt(config.journal.url.as_str()).await?)
}

#[cfg(not(feature = "distributed"))]
async fn adopt_database(_: &Config, _: &DataFolder) -> anyhow::Result<Adopted> {
    Err(Refusal::not_built_in().into())
}

fn ensure_is_embedded(config: &Config, what: &str) -> Result<(), Refusal> {
    if config.mode == Mode::Embedded { Ok(()) } else { Err(Refusal::of_the_database(what)) }
}

fn ensure_is_data_folder(folder: &Path) -> anyhow::Result<()> {
    ensure!(folder.join("format").is_file(), "there is no data folder {}", folder.display());
    Ok(())
}

async fn while_showing<T>(mut progress: watch::Receiver<Progress>, work: impl Future<Output = T>) -> T {
    let bar = progress_bar();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                bar.finish_and_clear();
                return done;
            }
            Ok(()) = progress.changed() => show(&bar, &progress.borrow_and_update()),
        }
    }
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes} of {total_bytes}")
        .expect("a constant template, shown by every backup");
    let bar = ProgressBar::new(0).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_message(progress.step.clone());
    bar.set_length(progress.of);
    bar.set_position(progress.bytes);
}

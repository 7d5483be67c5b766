//! Moving it: what comes when, so that a kill at any moment leaves one journal that goes on, never two.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use event_log::{
    EventFeed, ImportTarget, JournalRecords, JournalStand, Moved, PostgresImport, PostgresJournal,
    PostgresJournalOptions, SqliteJournal, SqliteJournalOptions,
};
use events::Position;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Rows, fill};
use crate::cli::say;
use crate::config::{Config, Mode};
use crate::exit::Refusal;
use crate::folder::DataFolder;

/// Moves the journal of the data folder into the database, with all that it is: id, positions, keys, names.
///
/// All of it or nothing: the database takes it in one transaction. The data folder is marked just before that is
/// committed, so that there is never a moment when both take commands.
///
/// # Errors
/// The folder is in use, the database has a journal with events, or something cannot be read or written.
pub(crate) async fn move_journal(config: &Config) -> anyhow::Result<()> {
    let (url, data) = (&config.journal.url, &config.data.folder);
    if url.is_empty() {
        return Err(Refusal::Configuration("journal.url says into which database".to_owned()).into());
    }
    ensure!(data.join("format").is_file(), "there is no data folder {}", data.display());
    let folder = DataFolder::open(data)?;
    folder.belongs_to(Mode::Embedded)?;
    let file = folder.journal_file();
    ensure!(file.is_file(), "there is no journal in {}", data.display());
    let place = url.to_string();
    let journal = SqliteJournal::open(&file, SqliteJournalOptions::default()).await?;
    if let Some(before) = journal.moved().filter(|moved| moved.to != place) {
        bail!("{} holds a journal that went to {}, not to {place}", data.display(), before.to);
    }
    let stand = journal.stand().await?;
    let started = Instant::now();
    match PostgresImport::begin(url.as_str(), stand.id).await? {
        ImportTarget::Same => {
            ensure_continues(url.as_str(), &journal, &stand).await?;
            journal.close().await;
            SqliteJournal::mark_moved(&file, &Moved { to: place.clone(), arrived: true }).await?;
            say(format!("journal {} is in {place} already", stand.id));
        }
        ImportTarget::Occupied { id, head } => {
            return Err(Refusal::DatabaseHasData { place, journal: id.to_string(), head }.into());
        }
        ImportTarget::Empty(mut import) => {
            let bar = progress_bar(&stand);
            let copied = fill(&journal, &stand, &mut import, |rows, count| show(&bar, rows, count)).await;
            bar.finish_and_clear();
            let copied = copied?;
            journal.close().await;
            // First the mark: a process that ends between the two leaves a journal that nobody writes, and a copy that
            // is there or not. This command finds out which, and finishes it.
            SqliteJournal::mark_moved(&file, &Moved { to: place.clone(), arrived: false }).await?;
            let arrived = import.commit(&stand).await;
            arrived.context("whether the journal arrived is not known: run this command again, which finds out")?;
            SqliteJournal::mark_moved(&file, &Moved { to: place.clone(), arrived: true }).await?;
            say(format!(
                "journal {}: {} events, {} names, {} keys, {} snapshots, in {place} after {:.1} s",
                stand.id,
                stand.head,
                copied.claims,
                copied.keys,
                copied.snapshots,
                started.elapsed().as_secs_f64()
            ));
        }
    }
    say(format!("{} takes no more commands, and can still be read", data.display()));
    say("tokens and cursors stay valid where its admin-key and cursor-key lie in the new data folder");
    Ok(())
}

/// The journal of that id in the database has this one's last event where this one has it.
async fn ensure_continues(url: &str, journal: &SqliteJournal, stand: &JournalStand) -> anyhow::Result<()> {
    if stand.head == Position::ZERO {
        return Ok(());
    }
    let other = PostgresJournal::open(url, PostgresJournalOptions::default()).await?;
    let before = Position(stand.head.0.saturating_sub(1));
    let there = other.feed().read(before, 1).await?;
    other.close().await;
    let here = journal.feed().read(before, 1).await?;
    ensure!(
        here == there,
        "the database has journal {}, too, with another event at {}: nothing was changed",
        stand.id,
        stand.head
    );
    Ok(())
}

fn progress_bar(stand: &JournalStand) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg} {bar:30} {percent}% {human_pos} of {human_len} ({per_sec}), {eta} left")
            .expect("a constant template, shown by every copy");
    let bar = ProgressBar::new(stand.head.0).with_style(style).with_message("events");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(bar: &ProgressBar, rows: Rows, count: u64) {
    match rows {
        Rows::Events => bar.set_position(count),
        Rows::Claims => bar.set_message(format!("{count} names behind the events")),
        Rows::Keys => bar.set_message(format!("{count} keys behind the events")),
        Rows::Snapshots => bar.set_message(format!("{count} snapshots behind the events")),
    }
}

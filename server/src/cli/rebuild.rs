//! `lawless projections rebuild`: asks the running server, or does it itself when none runs.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use projectors::{Compared, Difference, RebuildPhase, RebuildRefused, RebuildStatus};

use super::projections::client;
use super::say;
use crate::admin_client::{AdminClient, Rebuild};
use crate::catch_up::wait_for_views;
use crate::config::Config;
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::exit::Refusal;
use crate::folder::DataFolder;
use crate::signals::{stop_signal, stopped};

/// Between two looks at how it fares.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Makes all rows of a group anew beside those that are served, and serves them then.
///
/// # Errors
/// It failed: what was served before still is. Or the server or the folder cannot be used.
pub async fn rebuild_projections(config: &Config, group: &str) -> anyhow::Result<()> {
    let ended = match client(config)? {
        Some(admin) => follow_server(&admin, group).await?,
        None => rebuild_here(config, group).await?,
    };
    say_rebuild(&ended);
    ensure!(ended.status.phase == RebuildPhase::Finished, "the rebuild failed; what was served before still is");
    Ok(())
}

async fn follow_server(admin: &AdminClient, group: &str) -> anyhow::Result<Rebuild> {
    let mut stop = stop_signal()?;
    let mut rebuild = admin.rebuild(group).await?;
    let bar = Progress::begin();
    while !is_over(&rebuild.status) {
        bar.show(&rebuild);
        tokio::select! {
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = stopped(&mut stop) => {
                say("the server goes on with it; `lawless projections list` shows how it fares");
                return Err(Refusal::Interrupted.into());
            }
        }
        let groups = admin.projections().await.context("the server goes on with it when it runs again")?;
        let found = groups.into_iter().find(|status| status.group == group).and_then(|status| status.rebuild);
        rebuild = found.context("the server has begun anew and goes on with it by itself")?;
    }
    Ok(rebuild)
}

async fn rebuild_here(config: &Config, group: &str) -> anyhow::Result<Rebuild> {
    ensure!(group == DIRECTORY_GROUP, "there is no projection group {group:?}");
    let folder = &config.data.folder;
    ensure!(folder.join("format").is_file(), "there is no data folder {}", folder.display());
    let mut stop = stop_signal()?;
    let engine = Engine::open(DataFolder::open(folder)?, config).await?;
    let head = engine.head().await?;
    let directory = engine.start_directory().await?;
    // Rows of another version are made anew in any case, and what is broken need not catch up first.
    let _ = wait_for_views(&directory, head, stop.clone()).await;
    match directory.rebuild().await {
        // One that was begun before goes on by itself.
        Ok(_) | Err(RebuildRefused::UnderWay) => {}
        Err(error) => return Err(error.into()),
    }
    let mut rebuilding = directory.rebuilding();
    let bar = Progress::begin();
    let outcome = loop {
        let now = rebuilding.borrow_and_update().clone().map(|status| Rebuild::towards(status, head.0));
        match now {
            Some(rebuild) if is_over(&rebuild.status) => break Ok(rebuild),
            Some(rebuild) => bar.show(&rebuild),
            None => {}
        }
        tokio::select! {
            changed = rebuilding.changed() => if changed.is_err() {
                break Err(anyhow::anyhow!("the projection has ended"));
            },
            () = stopped(&mut stop) => break Err(Refusal::Interrupted.into()),
        }
    };
    directory.shutdown().await;
    engine.close().await;
    outcome
}

fn is_over(status: &RebuildStatus) -> bool {
    matches!(status.phase, RebuildPhase::Finished | RebuildPhase::Failed)
}

/// A bar on a terminal; a line at times elsewhere.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn begin() -> Self {
        let style = ProgressStyle::with_template("{bar:30} {percent}% {human_pos} of {human_len} events, {msg}")
            .expect("a constant template, shown by every rebuild");
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        Self { bar: bar.with_style(style) }
    }

    fn show(&self, rebuild: &Rebuild) {
        let status = &rebuild.status;
        self.bar.set_length(rebuild.head);
        self.bar.set_position(status.position);
        self.bar.set_message(match (status.phase, rebuild.seconds_left) {
            (RebuildPhase::Comparing, _) => "comparing".to_owned(),
            (_, Some(left)) => format!("{:.0} a second, {left:.0} s left", status.events_per_second),
            (_, None) => "beginning".to_owned(),
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Prints how a rebuild fares or ended.
pub(super) fn say_rebuild(rebuild: &Rebuild) {
    let RebuildStatus { generation, position, seconds, events_per_second, failure, .. } = &rebuild.status;
    let words = match rebuild.status.phase {
        RebuildPhase::Folding => format!(
            "has folded {position} of {} events, {events_per_second:.0} a second{}",
            rebuild.head,
            rebuild.seconds_left.map(|left| format!(", {left:.0} s left")).unwrap_or_default()
        ),
        RebuildPhase::Comparing => "is compared with what is served".to_owned(),
        RebuildPhase::Finished => format!("is served since event {position}, after {seconds:.1} s"),
        RebuildPhase::Failed => format!("was given up: {}", failure.as_deref().unwrap_or("without a reason")),
    };
    say(format!("  rebuild: generation {generation} {words}"));
    if let Some(difference) = &rebuild.status.difference {
        say_difference(difference);
    }
}

fn say_difference(difference: &Difference) {
    let at = difference.second_position;
    if difference.count() == 0 {
        say(format!("  no difference: {} rows at event {at} are as they were", difference.rows_equal()));
        return;
    }
    say(format!(
        "  {} differences at event {at}; {} rows are as they were",
        difference.count(),
        difference.rows_equal()
    ));
    let state = ("state", &difference.state);
    for (kind, compared) in difference.rows.iter().map(|(kind, compared)| (kind.as_str(), compared)).chain([state]) {
        let Compared { changed, added, removed, .. } = compared;
        if compared.differing() > 0 {
            say(format!("    {kind}: {changed} changed, {added} added, {removed} removed"));
        }
    }
    for example in difference.examples.iter().take(EXAMPLES_SHOWN) {
        say(format!("    {example}"));
    }
}

/// Differences that are named on the command line.
const EXAMPLES_SHOWN: usize = 10;

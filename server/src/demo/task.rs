//! `lawless demo`

use crate::catch_up::wait_for_views;
use crate::cli::say;
use crate::config::Config;
use crate::engine::Engine;
use crate::exit::Refusal;
use crate::folder::DataFolder;
use crate::signals::stop_signal;

use super::{DemoDirectory, fill_demo};

/// Fills an empty data folder.
///
/// # Errors
/// [`Refusal::FolderHasData`], and whatever the folder or a command says.
pub async fn run_demo(config: &Config, businesses: Option<u64>, seed: Option<u64>) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let folder = DataFolder::open(&config.data.folder)?;
    let asked = (businesses.unwrap_or(config.demo.businesses), seed.unwrap_or(config.demo.seed));
    let engine = Engine::open(folder, config).await?;
    let unfinished = engine.folder.unfinished_demo()?;
    if engine.head().await?.0 > 0 && unfinished != Some(asked) {
        return Err(Refusal::FolderHasData(config.data.folder.clone()).into());
    }
    engine.folder.begin_demo(asked.0, asked.1)?;
    let demo = DemoDirectory::new(asked.0, asked.1);
    let filled = fill_demo(demo, &engine.commands(), config.demo.concurrency, stop.clone()).await?;
    engine.folder.finish_demo()?;
    say(format!("{} businesses in {:.1} s", filled.businesses, filled.took.as_secs_f64()));
    let start = std::time::Instant::now();
    let head = engine.head().await?;
    let directory = engine.start_directory().await?;
    wait_for_views(&directory, head, stop).await?;
    directory.shutdown().await;
    say(format!("{head} events in the views after another {:.1} s", start.elapsed().as_secs_f64()));
    engine.close().await;
    Ok(())
}

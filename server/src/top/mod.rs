//! `lawless top`: what a running server does, in numbers, live on a terminal or once as text.

mod asking;
mod changes;
mod columns;
mod figures;
mod live;
mod overview;
mod scrape;
mod screen;
#[cfg(test)]
mod screen_tests;
mod text;
mod view;
#[cfg(test)]
mod view_tests;
mod watching;

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::say;
use crate::config::Config;
use asking::Asker;
use view::View;
use watching::overview;

/// Shows what the server of the data folder does, from one look to the next.
///
/// # Errors
/// There is no terminal. With `once`: no server runs, or it does not tell its metrics.
pub async fn run_top(config: &Config, interval: Duration, once: bool) -> anyhow::Result<()> {
    let asker = Asker::new(&config.data.folder)?;
    if !once {
        return live::show(asker, interval).await;
    }
    let before = asker.ask().await?;
    tokio::time::sleep(interval).await;
    let after = asker.ask().await?;
    let view = View::Running {
        address: after.address.clone(),
        overview: Box::new(overview(&before, &after, Timestamp::now())),
    };
    view.lines(usize::MAX, usize::MAX).iter().for_each(|line| say(line.to_string().trim_end()));
    Ok(())
}

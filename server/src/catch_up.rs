//! Waits until views have come as far as the journal.

use events::Position;
use projectors::{GroupHandle, GroupHealth};
use tokio::sync::watch;
use views::ViewSource;

use crate::exit::Refusal;
use crate::signals::stopped;

/// Returns once every row is right up to a position, or the rows that there are stay as they are until others are made.
///
/// # Errors
/// The projection halted, or the process was asked to stop.
pub(crate) async fn wait_for_views(
    directory: &GroupHandle,
    position: Position,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let views = directory.views();
    let mut health = directory.health();
    let over = |health: &GroupHealth| {
        matches!(health, GroupHealth::Halted { .. } | GroupHealth::Stopped | GroupHealth::Rebuilding)
    };
    let over = health.wait_for(over);
    tokio::select! {
        reached = views.wait_published(position) => Ok(reached?),
        over = over => match over.as_deref() {
            Ok(GroupHealth::Rebuilding) => Ok(()),
            Ok(GroupHealth::Halted { reason }) => anyhow::bail!("the projection halted: {reason}"),
            _ => anyhow::bail!("the projection ended"),
        },
        () = stopped(&mut stop) => Err(Refusal::Interrupted.into()),
    }
}

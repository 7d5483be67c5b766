//! Waits until views have come as far as the journal.

use events::Position;
use projectors::{GroupHandle, GroupHealth};
use tokio::sync::watch;
use views::ViewReader;

use crate::exit::Refusal;
use crate::signals::stopped;

/// Returns once every row is right up to a position.
///
/// # Errors
/// The projection halted, or the process was asked to stop.
pub(crate) async fn wait_for_views(
    directory: &GroupHandle,
    position: Position,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let reader = directory.reader();
    let mut health = directory.health();
    let failed = health.wait_for(|health| matches!(health, GroupHealth::Halted { .. } | GroupHealth::Stopped));
    tokio::select! {
        reached = reader.wait_published(position) => Ok(reached?),
        ended = failed => match ended.as_deref() {
            Ok(GroupHealth::Halted { reason }) => anyhow::bail!("the projection halted: {reason}"),
            _ => anyhow::bail!("the projection ended"),
        },
        () = stopped(&mut stop) => Err(Refusal::Interrupted.into()),
    }
}

//! Signals: the first asks to stop, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Code of a process that was told twice.
const INTERRUPTED: i32 = 130;

/// Turns true when the process is asked to stop (SIGINT, SIGTERM).
///
/// # Errors
/// The handlers cannot be set.
pub(crate) fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send_replace(true) {
                std::process::exit(INTERRUPTED);
            }
            tracing::info!("asked to stop; a second signal ends the process at once");
        }
    });
    Ok(receiver)
}

/// Returns once a stop was asked for; also when nobody can ask any more.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The guard that comes back must not live across an await.
    drop(stop.wait_for(|stop| *stop).await);
}

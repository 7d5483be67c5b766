//! Whose turn it is to publish.

use std::sync::Arc;
use std::time::Duration;

use event_log::Turn;
use tokio::time::timeout;

use super::PublisherHealth;
use super::options::PublisherOptions;

/// Waits for a turn, and keeps it.
#[derive(Clone)]
pub(super) struct Keeper {
    turn: Arc<dyn Turn>,
    keep_every: Duration,
    look_every: Duration,
    release_timeout: Duration,
}

impl Keeper {
    pub(super) fn of(turn: Arc<dyn Turn>, options: &PublisherOptions) -> Self {
        let &PublisherOptions { keep_turn_every, standby_look, release_timeout, .. } = options;
        Self { turn, keep_every: keep_turn_every, look_every: standby_look, release_timeout }
    }

    /// Returns once it is ours.
    pub(super) async fn wait(&self, tell: impl Fn(PublisherHealth)) {
        loop {
            match self.turn.take().await {
                Ok(true) => return,
                Ok(false) => tell(PublisherHealth::Standby),
                Err(error) => tell(PublisherHealth::Stalled { reason: error.to_string() }),
            }
            tokio::time::sleep(self.look_every).await;
        }
    }

    /// Keeps it, and returns once another one has it. That nobody can say is no reason to stop: two at once do no harm.
    pub(super) async fn lost(&self) {
        loop {
            tokio::time::sleep(self.keep_every).await;
            match self.turn.take().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "it cannot be said that this process publishes"),
            }
        }
    }

    /// A journal that is away must not hold the process up: the turn ends by itself.
    pub(super) async fn give_back(&self) {
        if !matches!(timeout(self.release_timeout, self.turn.give_back()).await, Ok(Ok(()))) {
            tracing::warn!("the turn to publish could not be given back");
        }
    }
}

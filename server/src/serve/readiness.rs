//! Whether this process should get requests, and if not, why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use projectors::GroupHealth;
use tokio::sync::watch;

/// Ready: the views have caught up once since the start, and their group has neither stalled nor halted.
#[derive(Clone)]
pub(super) struct Readiness {
    has_caught_up: Arc<AtomicBool>,
    health: watch::Receiver<GroupHealth>,
    stop: watch::Receiver<bool>,
}

impl Readiness {
    /// Watches a group from its start.
    pub(super) fn watch(mut health: watch::Receiver<GroupHealth>, stop: watch::Receiver<bool>) -> Self {
        let has_caught_up = Arc::new(AtomicBool::new(false));
        let readiness = Self { has_caught_up: has_caught_up.clone(), health: health.clone(), stop };
        tokio::spawn(async move {
            if health.wait_for(serves_all_it_can).await.is_ok() {
                has_caught_up.store(true, Ordering::Relaxed);
            }
        });
        readiness
    }

    /// Why it is not ready; empty when it is.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if *self.stop.borrow() {
            reasons.push("the process is stopping".to_owned());
        }
        let (health, reason) = words(&self.health.borrow());
        match reason {
            Some(reason) => reasons.push(format!("directory {health}: {reason}")),
            None if health == "stopped" => reasons.push("directory stopped".to_owned()),
            None if serves_all_it_can(&self.health.borrow()) || self.has_caught_up.load(Ordering::Relaxed) => {}
            None => reasons.push("the views have not caught up with the journal yet".to_owned()),
        }
        reasons
    }
}

/// Old rows are served on purpose while others are made.
fn serves_all_it_can(health: &GroupHealth) -> bool {
    matches!(health, GroupHealth::Live | GroupHealth::Rebuilding)
}

/// All that [`words`] says.
pub(super) const HEALTH_WORDS: [&str; 7] =
    ["catching up", "live", "rebuilding", "paused", "stalled", "halted", "stopped"];

/// A group's health in words, and why it is not well.
pub(super) fn words(health: &GroupHealth) -> (&'static str, Option<String>) {
    match health {
        GroupHealth::CatchingUp => ("catching up", None),
        GroupHealth::Live => ("live", None),
        GroupHealth::Rebuilding => ("rebuilding", None),
        GroupHealth::Paused => ("paused", None),
        GroupHealth::Stalled { reason } => ("stalled", Some(reason.clone())),
        GroupHealth::Halted { reason } => ("halted", Some(reason.clone())),
        GroupHealth::Stopped => ("stopped", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_for_healths_are_listed() {
        let reason = || "because".to_owned();
        let all = [
            GroupHealth::CatchingUp,
            GroupHealth::Live,
            GroupHealth::Rebuilding,
            GroupHealth::Paused,
            GroupHealth::Stalled { reason: reason() },
            GroupHealth::Halted { reason: reason() },
            GroupHealth::Stopped,
        ];
        assert_eq!(all.map(|health| words(&health).0), HEALTH_WORDS);
    }
}

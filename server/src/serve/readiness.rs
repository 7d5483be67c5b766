//! Whether this process should get requests, and if not, why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::Position;
use projectors::{GroupHandle, GroupHealth, Publisher, PublisherHealth};
use tokio::sync::watch;
use views::ViewSource;

use crate::journal::OpenJournal;
use crate::relay::{RELAY_WORDS, RelayReport, RelayWatch};
use crate::served_views::AwaitedViews;

/// A journal that takes longer to say where it ends is away.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(1);

/// What has to be well for requests to be answered. Each part adds its own.
#[derive(Clone)]
pub(super) struct Readiness {
    stop: watch::Receiver<bool>,
    directory: Option<Directory>,
    publishing: Option<Publishing>,
    views: Option<AwaitedViews>,
    journal: Option<OpenJournal>,
    relay: RelayWatch,
}

/// Ready: all was published once since the start, and it goes on.
#[derive(Clone)]
struct Publishing {
    has_caught_up: Arc<AtomicBool>,
    health: watch::Receiver<PublisherHealth>,
}

/// Ready: the views have caught up once since the start, and their group has neither stalled nor halted.
#[derive(Clone)]
struct Directory {
    has_caught_up: Arc<AtomicBool>,
    health: watch::Receiver<GroupHealth>,
}

impl Readiness {
    /// Of a process that does nothing yet.
    pub(super) fn new(stop: watch::Receiver<bool>) -> Self {
        Self { stop, directory: None, publishing: None, views: None, journal: None, relay: RelayWatch::None }
    }

    /// Watches a group from its start, when the journal had come to `head`.
    pub(super) fn and_directory(mut self, directory: &GroupHandle, head: Position) -> Self {
        let has_caught_up = Arc::new(AtomicBool::new(false));
        let mut health = directory.health();
        self.directory = Some(Directory { has_caught_up: has_caught_up.clone(), health: health.clone() });
        let views = directory.views();
        tokio::spawn(async move {
            // Old rows are served on purpose while others are made.
            let caught_up = tokio::select! {
                reached = views.wait_published(head) => reached.is_ok(),
                rebuilding = health.wait_for(|health| *health == GroupHealth::Rebuilding) => rebuilding.is_ok(),
            };
            has_caught_up.store(caught_up, Ordering::Relaxed);
        });
        self
    }

    /// Watches who publishes, if anyone does.
    pub(super) fn and_publisher(mut self, publisher: Option<&Publisher>) -> Self {
        let Some(publisher) = publisher else { return self };
        let has_caught_up = Arc::new(AtomicBool::new(false));
        let mut health = publisher.health();
        self.publishing = Some(Publishing { has_caught_up: has_caught_up.clone(), health: health.clone() });
        tokio::spawn(async move {
            // One that stands by is ready to take over.
            let is_ready =
                |health: &PublisherHealth| matches!(health, PublisherHealth::Live | PublisherHealth::Standby);
            let caught_up = health.wait_for(is_ready).await.is_ok();
            has_caught_up.store(caught_up, Ordering::Relaxed);
        });
        self
    }

    /// Watches views that are made elsewhere.
    pub(super) fn and_views(mut self, views: &AwaitedViews) -> Self {
        self.views = Some(views.clone());
        self
    }

    /// Asks the journal, which may be another machine's.
    pub(super) fn and_journal(mut self, journal: &OpenJournal) -> Self {
        self.journal = Some(journal.clone());
        self
    }

    /// Watches a relay.
    pub(super) fn and_relay(mut self, relay: RelayWatch) -> Self {
        self.relay = relay;
        self
    }

    /// Why it is not ready; empty when it is.
    pub(super) async fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if *self.stop.borrow() {
            reasons.push("the process is stopping".to_owned());
        }
        reasons.extend(self.directory.as_ref().and_then(Directory::trouble));
        reasons.extend(self.publishing.as_ref().and_then(Publishing::trouble));
        reasons.extend(self.views.as_ref().and_then(AwaitedViews::trouble));
        match self.relay.report() {
            Some(relay) if relay.health == RELAY_WORDS[0] => reasons.push("the relay has not begun yet".to_owned()),
            Some(RelayReport { reason: Some(reason), .. }) => reasons.push(format!("the relay: {reason}")),
            _ => {}
        }
        if let Some(journal) = &self.journal {
            match tokio::time::timeout(JOURNAL_TIMEOUT, journal.feed().head()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => reasons.push(error.to_string()),
                Err(_) => reasons.push(format!("the journal does not answer within {JOURNAL_TIMEOUT:?}")),
            }
        }
        reasons
    }
}

impl Directory {
    fn trouble(&self) -> Option<String> {
        let (health, reason) = words(&self.health.borrow());
        match reason {
            Some(reason) => Some(format!("directory {health}: {reason}")),
            None if health == "stopped" => Some("directory stopped".to_owned()),
            None if self.has_caught_up.load(Ordering::Relaxed) => None,
            None => Some("the views have not caught up with the journal yet".to_owned()),
        }
    }
}

impl Publishing {
    fn trouble(&self) -> Option<String> {
        match publisher_words(&self.health.borrow()) {
            (health, Some(reason)) => Some(format!("publishing {health}: {reason}")),
            ("stopped", None) => Some("publishing stopped".to_owned()),
            (_, None) if self.has_caught_up.load(Ordering::Relaxed) => None,
            ("waiting", None) => Some("there are no rows to publish yet".to_owned()),
            (..) => Some("the rows are not published yet".to_owned()),
        }
    }
}

/// All that [`publisher_words`] says.
pub(super) const PUBLISHER_WORDS: [&str; 7] =
    ["waiting", "standby", "catching up", "live", "stalled", "halted", "stopped"];

/// How a publisher fares in words, and why it is not well.
pub(super) fn publisher_words(health: &PublisherHealth) -> (&'static str, Option<String>) {
    match health {
        PublisherHealth::Waiting => ("waiting", None),
        PublisherHealth::Standby => ("standby", None),
        PublisherHealth::CatchingUp => ("catching up", None),
        PublisherHealth::Live => ("live", None),
        PublisherHealth::Stalled { reason } => ("stalled", Some(reason.clone())),
        PublisherHealth::Halted { reason } => ("halted", Some(reason.clone())),
        PublisherHealth::Stopped => ("stopped", None),
    }
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
        let all = [
            PublisherHealth::Waiting,
            PublisherHealth::Standby,
            PublisherHealth::CatchingUp,
            PublisherHealth::Live,
            PublisherHealth::Stalled { reason: reason() },
            PublisherHealth::Halted { reason: reason() },
            PublisherHealth::Stopped,
        ];
        assert_eq!(all.map(|health| publisher_words(&health).0), PUBLISHER_WORDS);
    }
}

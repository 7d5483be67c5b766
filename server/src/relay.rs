//! The relay of this process, if it has one: what carries events to whoever follows them elsewhere.

#[cfg(feature = "distributed")]
use event_log::{Relay, RelayHealth};

/// A relay, or none: embedded, whoever follows reads the journal itself.
pub(crate) enum RunningRelay {
    /// There is nothing to carry.
    None,
    /// To Kafka.
    #[cfg(feature = "distributed")]
    Kafka(Relay),
}

impl RunningRelay {
    /// Ends it; another process may go on at once.
    pub(crate) async fn shutdown(self) {
        match self {
            Self::None => {}
            #[cfg(feature = "distributed")]
            Self::Kafka(relay) => relay.shutdown().await,
        }
    }

    /// How it fares, for whoever asks again and again.
    pub(crate) fn watch(&self) -> RelayWatch {
        match self {
            Self::None => RelayWatch::None,
            #[cfg(feature = "distributed")]
            Self::Kafka(relay) => RelayWatch::Kafka(relay.status()),
        }
    }
}

/// How a relay fares.
#[derive(Clone)]
pub(crate) enum RelayWatch {
    /// There is none.
    None,
    /// To Kafka.
    #[cfg(feature = "distributed")]
    Kafka(tokio::sync::watch::Receiver<event_log::RelayStatus>),
}

/// A relay in numbers and words.
pub(crate) struct RelayReport {
    /// One of [`RELAY_WORDS`].
    pub(crate) health: &'static str,
    /// Why it is not well.
    pub(crate) reason: Option<String>,
    /// The newest position that Kafka has acknowledged to it.
    pub(crate) relayed: u64,
}

/// All that a relay may be.
pub(crate) const RELAY_WORDS: [&str; 6] = ["starting", "standby", "relaying", "stalled", "halted", "stopped"];

impl RelayWatch {
    /// What there is to tell; nothing without a relay.
    pub(crate) fn report(&self) -> Option<RelayReport> {
        match self {
            Self::None => None,
            #[cfg(feature = "distributed")]
            Self::Kafka(status) => {
                let status = status.borrow();
                let health = match status.health {
                    RelayHealth::Starting => RELAY_WORDS[0],
                    RelayHealth::Standby => "standby",
                    RelayHealth::Relaying => "relaying",
                    RelayHealth::Stalled { .. } => "stalled",
                    RelayHealth::Halted { .. } => "halted",
                    RelayHealth::Stopped => "stopped",
                };
                let reason = status.health.reason().map(str::to_owned);
                Some(RelayReport { health, reason, relayed: status.relayed.0 })
            }
        }
    }
}

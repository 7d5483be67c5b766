//! How a relay fares.

use events::Position;

/// How a relay fares, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelayStatus {
    /// How it fares.
    pub health: RelayHealth,
    /// The newest position that Kafka has acknowledged to this relay.
    pub relayed: Position,
    /// The head of the journal when last looked at.
    pub head: Position,
}

/// How a relay fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RelayHealth {
    /// It has not found out yet whether another one relays.
    #[default]
    Starting,
    /// Another one relays.
    Standby,
    /// It relays.
    Relaying,
    /// Kafka or the database failed; it is tried again.
    Stalled {
        /// Why.
        reason: String,
    },
    /// Journal and topic do not belong together; an operator has to act. It is looked at again from time to time.
    Halted {
        /// Why.
        reason: String,
    },
    /// It was told to end, and has.
    Stopped,
}

impl RelayHealth {
    /// Why it is not well.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Stalled { reason } | Self::Halted { reason } => Some(reason),
            Self::Starting | Self::Standby | Self::Relaying | Self::Stopped => None,
        }
    }
}

//! Decisions of operators that projections must follow, so that every replica follows them at the same position.

use serde::{Deserialize, Serialize};

/// An operator decided that a projection group goes on without a parked event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEventSkipped {
    /// The projection group.
    pub group: String,
    /// Position of the parked event.
    pub position: i64,
    /// Why, for people.
    pub reason: String,
}

//! What the directory decides, and nothing else: no clock, no IO, no waiting.
//!
//! Each aggregate is a state, commands, `decide` and `evolve`. A fact cannot be refused: `evolve` never fails.

pub mod business;
pub mod category;
mod details;
pub mod edits;
pub mod location;
pub mod slug;

use events::{ActorKind, Event};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// State that follows from the events of one stream.
pub trait Aggregate: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Names the encoding of the state in snapshots; another shape of the state needs another number.
    const SNAPSHOT_FORMAT: u32;

    /// The state after one more event. Events of other aggregates change nothing.
    #[must_use]
    fn evolve(self, event: &Event) -> Self;

    /// The state after one more event that such an actor caused. Who it was is of interest to few.
    #[must_use]
    fn caused(self, event: &Event, _by: ActorKind) -> Self {
        self.evolve(event)
    }

    /// Its unique name in addresses; empty before it exists.
    fn slug(&self) -> &str;
}

/// The most levels that a tree has.
pub const MAX_TREE_DEPTH: usize = 6;

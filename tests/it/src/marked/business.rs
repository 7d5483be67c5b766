//! What a client does next with the businesses that it cares for.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::command::{Command, Kind, Mark};

/// So many a client has at least, before it changes any.
const BUSINESSES_MIN: usize = 4;
/// How many of its commands are registrations.
const REGISTRATIONS: f64 = 0.4;

/// A business that a client may still change. Nobody else does.
#[derive(Debug, Clone)]
pub struct Business {
    /// Its id.
    pub id: Uuid,
    /// Its version after the last command that was answered.
    pub version: u64,
    /// The consistency token of that command.
    pub token: String,
    /// Whether it was closed.
    pub closed: bool,
    /// Another number for each recategorisation.
    turn: u64,
}

impl Business {
    /// One that is being registered.
    pub fn new(id: Uuid) -> Self {
        Self { id, version: 0, token: String::new(), closed: false, turn: 0 }
    }
}

/// A command that is sure to be accepted.
pub fn next_command(businesses: &mut [Business], mark: Mark, rng: &mut ChaCha8Rng) -> Command {
    if businesses.len() < BUSINESSES_MIN || rng.random_bool(REGISTRATIONS) {
        return Command::register(mark, rng);
    }
    let index = rng.random_range(0..businesses.len());
    let business = &mut businesses[index];
    // Of a closed business only the removal is sure to be accepted.
    let kind = if business.closed { Kind::Remove } else { Kind::choose(rng) };
    business.turn += u64::from(kind == Kind::Recategorize);
    Command::about(business.id, kind, mark, business.turn, rng)
}

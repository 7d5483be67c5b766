//! What an append may hold. Checked before it is queued, the same for every engine.

use events::MAX_PAYLOAD_BYTES;

use crate::append::Append;
use crate::error::AppendError;

/// The most events that one append may hold.
pub const MAX_EVENTS_PER_APPEND: usize = 64;

/// The most claims that one append may take, and the most streams that it may name as read.
pub const MAX_CHECKS_PER_APPEND: usize = 64;

/// The longest idempotency key, in bytes; the actor it belongs to has the same limit.
pub const MAX_KEY_BYTES: usize = 255;

/// The longest value of a claim, in bytes.
pub const MAX_CLAIM_BYTES: usize = 512;

/// The longest id of an actor, in bytes.
pub const MAX_ACTOR_ID_BYTES: usize = 64;

impl Append {
    /// Refuses what no journal takes, whatever it holds.
    pub fn check(&self) -> Result<(), AppendError> {
        let malformed = |what| Err(AppendError::Malformed(what));
        if self.events.is_empty() {
            return malformed("it has no events");
        }
        if self.events.len() > MAX_EVENTS_PER_APPEND {
            return malformed("it has more than 64 events");
        }
        if self.claims.len() > MAX_CHECKS_PER_APPEND || self.reads.len() > MAX_CHECKS_PER_APPEND {
            return malformed("it has more than 64 claims or streams read");
        }
        if self.key.key.len() > MAX_KEY_BYTES || self.key.actor.len() > MAX_KEY_BYTES {
            return malformed("its idempotency key is longer than 255 bytes");
        }
        if self.claims.iter().any(|claim| claim.value.len() > MAX_CLAIM_BYTES) {
            return malformed("a claim is longer than 512 bytes");
        }
        if self.actor.id.len() > MAX_ACTOR_ID_BYTES {
            return malformed("the actor's id is longer than 64 bytes");
        }
        let mut texts =
            self.claims.iter().map(|claim| &claim.value).chain([&self.key.key, &self.key.actor, &self.actor.id]);
        if texts.any(|text| text.contains('\0')) {
            return malformed("a key, an actor or a claim holds a NUL, which PostgreSQL has no text for");
        }
        match self.events.iter().find(|event| event.payload.len() > MAX_PAYLOAD_BYTES) {
            Some(event) => Err(AppendError::PayloadTooLarge { bytes: event.payload.len(), limit: MAX_PAYLOAD_BYTES }),
            None => Ok(()),
        }
    }

    /// Bytes of all payloads together.
    pub fn payload_bytes(&self) -> usize {
        self.events.iter().map(|event| event.payload.len()).sum()
    }
}

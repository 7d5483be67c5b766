//! Why a journal refuses, in three classes: the caller's conflict, unavailable, corrupt.

use events::{StreamId, StreamVersion};
use thiserror::Error;

use crate::append::{Claim, IdempotencyKey};

/// Why an append was refused. Nothing of it was stored, its claims included, and no neighbour of its batch suffered.
#[derive(Debug, Error)]
pub enum AppendError {
    /// A stream, written or read, is at another version than the decision saw.
    #[error("{stream} is at version {actual}, not {expected}")]
    StaleVersion {
        /// The stream.
        stream: StreamId,
        /// The version that the decision saw.
        expected: StreamVersion,
        /// The version that it has.
        actual: StreamVersion,
    },
    /// The key was accepted before, for another request.
    #[error("idempotency key {:?} was used for another request", key.key)]
    KeyReused {
        /// The key.
        key: IdempotencyKey,
    },
    /// A name belongs to another stream.
    #[error("{} {:?} is taken by {owner}", claim.kind.name(), claim.value)]
    ClaimTaken {
        /// The name.
        claim: Claim,
        /// Who has it.
        owner: StreamId,
    },
    /// A payload is larger than [`events::MAX_PAYLOAD_BYTES`].
    #[error("an event of {bytes} bytes is over the limit of {limit} bytes")]
    PayloadTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The append itself is malformed: no events, too many, an over-long claim or key.
    #[error("the append is malformed: {0}")]
    Malformed(&'static str),
    /// The journal could not answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why a journal could not answer.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk or the journal's own limit is full. Nothing was lost; it goes on when there is room.
    #[error("{operation}: the journal is full")]
    Full {
        /// What was tried.
        operation: &'static str,
    },
    /// It may answer later: shutting down, queue full, engine away.
    #[error("{operation}: the journal is unavailable: {reason}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// Why.
        reason: String,
    },
    /// It goes on in another place, or may do so, and takes nothing here.
    #[error("{operation}: this journal {} to {to}{}", if *.arrived { "was moved" } else { "may have been moved" },
        if *.arrived { "" } else { "; `lawless journal copy` finds out, and finishes it" })]
    Moved {
        /// What was tried.
        operation: &'static str,
        /// Names the place, without any secret.
        to: String,
        /// Whether it is known to have arrived there.
        arrived: bool,
    },
    /// Another process writes this journal.
    #[error("{path} is in use by another process")]
    InUse {
        /// The journal.
        path: String,
    },
    /// The journal was written by a newer, or an older and no longer readable, version of the program.
    #[error("{path} has journal format {found}, this program reads {expected}")]
    Format {
        /// The journal.
        path: String,
        /// What the journal says.
        found: String,
        /// What this program knows.
        expected: String,
    },
    /// What is stored cannot be right: a hole, a broken checksum, a name that nobody knows.
    #[error("{operation}: the journal is corrupt: {reason}")]
    Corrupt {
        /// What was tried.
        operation: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The engine failed.
    #[error("{operation}: the journal's engine failed")]
    Engine {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

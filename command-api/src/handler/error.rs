//! Why a command was not accepted.

use std::fmt;

use event_log::{AppendError, JournalError};
use events::{DecodeError, StreamId, StreamVersion};
use thiserror::Error;

use super::options::Precondition;
use crate::domain::{business, category, location};
use crate::request::InvalidField;

/// Why a command was not accepted.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Fields are invalid; all of them are named.
    #[error("{} invalid: {}", fields.len(), Listed(fields))]
    Invalid {
        /// Each with its JSON pointer.
        fields: Vec<InvalidField>,
    },
    /// The directory refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The aggregate is at another version than the client thinks.
    #[error("at version {actual}, not {expected}")]
    VersionMismatch {
        /// What the client demands.
        expected: Precondition,
        /// The version that it has; 0 when it does not exist.
        actual: StreamVersion,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// An event would be too large.
    #[error("an event of {bytes} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Others were faster every time.
    #[error("decided {attempts} times, and others were faster every time")]
    TooMuchContention {
        /// How often it was decided.
        attempts: usize,
    },
    /// The journal cannot answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An event of the stream is not one that this program knows.
    #[error("{stream} cannot be read")]
    Unreadable {
        /// The stream.
        stream: StreamId,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The handler made an append that no journal takes.
    #[error("an append was malformed: {0}")]
    Malformed(String),
}

/// Why the directory refuses a command that is well formed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// By the rules of businesses.
    #[error(transparent)]
    Business(#[from] business::Rejected),
    /// By the rules of categories.
    #[error(transparent)]
    Category(#[from] category::Rejected),
    /// By the rules of locations.
    #[error(transparent)]
    Location(#[from] location::Rejected),
    /// Categories or locations that it names do not exist; all of them are named.
    #[error("not defined: {}", Listed(missing))]
    ReferencesNotFound {
        /// Each with its JSON pointer; the codes are `category_not_found` and `location_not_found`.
        missing: Vec<InvalidField>,
    },
    /// The slug belongs, or belonged, to another business.
    #[error("the slug {slug:?} is taken")]
    SlugTaken {
        /// The slug.
        slug: String,
    },
    /// The source's business is in the directory already.
    #[error("{source_id:?} is business {owner}")]
    SourceTaken {
        /// `system/external_id`.
        source_id: String,
        /// The business that has it.
        owner: uuid::Uuid,
    },
}

impl CommandError {
    /// Whether it rests on the state of streams: told from memory, it may be wrong.
    pub(super) fn rests_on_state(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::VersionMismatch { .. })
    }
}

impl From<business::Rejected> for CommandError {
    fn from(rejected: business::Rejected) -> Self {
        Refusal::from(rejected).into()
    }
}

impl From<category::Rejected> for CommandError {
    fn from(rejected: category::Rejected) -> Self {
        Refusal::from(rejected).into()
    }
}

impl From<location::Rejected> for CommandError {
    fn from(rejected: location::Rejected) -> Self {
        Refusal::from(rejected).into()
    }
}

/// What of an append's errors is final; conflicts are the handler's to solve.
pub(super) fn final_append_error(error: AppendError) -> CommandError {
    match error {
        AppendError::KeyReused { .. } => CommandError::KeyReused,
        AppendError::PayloadTooLarge { bytes, limit } => CommandError::TooLarge { bytes, limit },
        AppendError::Journal(error) => CommandError::Journal(error),
        AppendError::Malformed(reason) => CommandError::Malformed(reason.to_owned()),
        conflict @ (AppendError::StaleVersion { .. } | AppendError::ClaimTaken { .. }) => {
            CommandError::Malformed(conflict.to_string())
        }
    }
}

struct Listed<'f>(&'f [InvalidField]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", field.pointer, field.detail)?;
        }
        Ok(())
    }
}

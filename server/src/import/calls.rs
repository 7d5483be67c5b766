//! What an import asks of a directory, in this process or of a running server.

use command_api::{DefineCategory, DefineLocation, RegisterBusiness, SourceBusiness, Standing};
use events::{BusinessId, StreamVersion};
use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// The most ids of one answer, whatever was asked for.
pub(super) const MOST_IDS: usize = 1_000;

/// One question or command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ImportCall {
    /// Defines a category unless it is there; one that is there stays as it is.
    EnsureCategory {
        /// Its slug.
        slug: String,
        /// What it shall be.
        body: DefineCategory,
    },
    /// Defines a location unless it is there; one that is there stays as it is.
    EnsureLocation {
        /// Its slug.
        slug: String,
        /// What it shall be.
        body: DefineLocation,
    },
    /// Registers the business, changes what differs and no admin changed, or does nothing.
    Upsert(Box<RegisterBusiness>),
    /// Ids of the source's businesses after one, in byte order.
    SourceIds {
        /// The source system.
        system: String,
        /// The last id of the page before.
        after: String,
        /// How many at most.
        limit: usize,
    },
    /// What the directory has under an id of the source.
    SourceBusiness {
        /// The source system.
        system: String,
        /// The id there.
        external_id: String,
    },
    /// Closes a business for good, unless it changed since it was looked at.
    Close {
        /// The business.
        id: BusinessId,
        /// The version that was looked at.
        version: StreamVersion,
        /// Why, for people.
        reason: String,
    },
}

/// The answer to a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ImportAnswer {
    /// Whether the category or location is new.
    Ensured(bool),
    /// What became of the business.
    Upserted(Upserted),
    /// Ids.
    SourceIds(Vec<String>),
    /// The business, if there is one.
    SourceBusiness(Option<SourceBusiness>),
    /// Whether it was closed; if not, it changed meanwhile.
    Closed(bool),
}

/// What an accepted row did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Upserted {
    /// The business is new.
    Registered,
    /// It was there.
    Known {
        /// The members that differed, as JSON pointers.
        changed: Vec<String>,
        /// Those that an admin changed and the source says otherwise.
        kept: Vec<String>,
    },
    /// It was there and is not any more; it stays so.
    Left(Standing),
}

/// A call as it goes to a server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteCall {
    /// Whether to answer and store nothing.
    pub dry_run: bool,
    /// The call.
    pub call: ImportCall,
}

/// An answer as it comes from a server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteAnswer {
    /// The answer, or why the directory refuses.
    pub answer: Result<ImportAnswer, Vec<Finding>>,
    /// Position of the newest event that the call made.
    pub position: Option<u64>,
}

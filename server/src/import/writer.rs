//! To whom an import gives its rows: the command side of this process, or a running server.

use async_trait::async_trait;
use command_api::{DefineCategory, DefineLocation, RegisterBusiness};
use thiserror::Error;

use super::finding::Finding;

/// What an accepted row did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upserted {
    /// The business is new.
    Registered,
    /// It was there, and facts differed.
    Changed,
    /// It was there, just so.
    Unchanged,
}

/// Why a row or a definition was not accepted.
#[derive(Debug, Error)]
pub(super) enum WriteError {
    /// It will never be accepted as it is.
    #[error("refused: {}", .0.first().map_or("", |finding| &finding.detail))]
    Refused(Vec<Finding>),
    /// The directory could not answer, also after several tries.
    #[error("the directory is unavailable: {0}")]
    Unavailable(String),
}

/// Takes what an import has to say.
#[async_trait]
pub(super) trait DirectoryWriter: Send + Sync + 'static {
    /// Defines a category unless it is there; one that is there stays as it is.
    async fn ensure_category(&self, slug: &str, body: DefineCategory) -> Result<(), WriteError>;

    /// Defines a location unless it is there; one that is there stays as it is.
    async fn ensure_location(&self, slug: &str, body: DefineLocation) -> Result<(), WriteError>;

    /// Registers the business, changes what differs, or does nothing.
    async fn upsert(&self, business: &RegisterBusiness) -> Result<Upserted, WriteError>;
}

//! To whom an import gives its rows: the command side of this process, or a running server.

use async_trait::async_trait;
use command_api::{DefineCategory, DefineLocation, RegisterBusiness, SourceBusiness};
use events::Position;
use thiserror::Error;

use super::calls::{ImportAnswer, ImportCall, Upserted};
use super::finding::Finding;

/// Why a row or a definition was not accepted.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    /// It will never be accepted as it is.
    #[error("refused: {}", .0.first().map_or("", |finding| &finding.detail))]
    Refused(Vec<Finding>),
    /// The directory could not answer, also after several tries.
    #[error("the directory is unavailable: {0}")]
    Unavailable(String),
}

/// Takes what an import has to say.
#[async_trait]
pub(crate) trait DirectoryWriter: Send + Sync + 'static {
    /// Answers a call with the answer of its kind.
    async fn call(&self, call: ImportCall) -> Result<ImportAnswer, WriteError>;

    /// The newest position that a call wrote.
    fn position(&self) -> Option<Position>;
}

/// Calls by name.
impl dyn DirectoryWriter {
    pub(super) async fn ensure_category(&self, slug: &str, body: DefineCategory) -> Result<bool, WriteError> {
        self.ensured(ImportCall::EnsureCategory { slug: slug.to_owned(), body }).await
    }

    pub(super) async fn ensure_location(&self, slug: &str, body: DefineLocation) -> Result<bool, WriteError> {
        self.ensured(ImportCall::EnsureLocation { slug: slug.to_owned(), body }).await
    }

    async fn ensured(&self, call: ImportCall) -> Result<bool, WriteError> {
        match self.call(call).await? {
            ImportAnswer::Ensured(is_new) => Ok(is_new),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn upsert(&self, business: &RegisterBusiness) -> Result<Upserted, WriteError> {
        match self.call(ImportCall::Upsert(Box::new(business.clone()))).await? {
            ImportAnswer::Upserted(upserted) => Ok(upserted),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn source_ids(&self, system: &str, after: &str, limit: usize) -> Result<Vec<String>, WriteError> {
        let call = ImportCall::SourceIds { system: system.to_owned(), after: after.to_owned(), limit };
        match self.call(call).await? {
            ImportAnswer::SourceIds(ids) => Ok(ids),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn source_business(
        &self,
        system: &str,
        external_id: &str,
    ) -> Result<Option<SourceBusiness>, WriteError> {
        let call = ImportCall::SourceBusiness { system: system.to_owned(), external_id: external_id.to_owned() };
        match self.call(call).await? {
            ImportAnswer::SourceBusiness(business) => Ok(business),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn close(&self, business: &SourceBusiness, reason: &str) -> Result<bool, WriteError> {
        let SourceBusiness { id, version, .. } = *business;
        match self.call(ImportCall::Close { id, version, reason: reason.to_owned() }).await? {
            ImportAnswer::Closed(closed) => Ok(closed),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(answer: &ImportAnswer) -> WriteError {
    WriteError::Unavailable(format!("it answered something else: {answer:?}"))
}

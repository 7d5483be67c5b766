//! What the directory has of a source: for imports, which must tell what is gone.

use std::collections::BTreeMap;

use event_log::{Claim, ClaimKind};
use events::{BusinessId, StreamVersion};
use serde::{Deserialize, Serialize};

use super::CommandService;
use super::error::CommandError;
use super::streams::Reading;
use crate::domain::business::{State, Status};
use crate::domain::edits;

/// A business by its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBusiness {
    /// The business.
    pub id: BusinessId,
    /// Its version.
    pub version: StreamVersion,
    /// Whether it is there.
    pub standing: Standing,
    /// Its address and its attributes by JSON pointer.
    pub members: BTreeMap<String, String>,
}

/// Whether a business is there, and if not, by whose doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    Open,
    /// Its source did not have it any more, and an import closed it.
    Gone,
    /// An admin closed it.
    Closed,
    /// An admin removed it.
    Removed,
}

impl CommandService {
    /// Ids of a source system's businesses after `after`, in byte order, at most `limit`; closed and removed ones too.
    ///
    /// # Errors
    /// The journal cannot answer.
    pub async fn source_ids(&self, system: &str, after: &str, limit: usize) -> Result<Vec<String>, CommandError> {
        let prefix = format!("{system}/");
        let after = if after.is_empty() { String::new() } else { format!("{prefix}{after}") };
        let claims = self.inner.journal.list_claims(ClaimKind::BusinessSource, &prefix, &after, limit).await?;
        Ok(claims.into_iter().filter_map(|(value, _)| Some(value.strip_prefix(&prefix)?.to_owned())).collect())
    }

    /// The business that has this id in a source system, as the journal has it now.
    ///
    /// # Errors
    /// The journal cannot answer.
    pub async fn source_business(
        &self,
        system: &str,
        external_id: &str,
    ) -> Result<Option<SourceBusiness>, CommandError> {
        let claim = Claim { kind: ClaimKind::BusinessSource, value: format!("{system}/{external_id}") };
        let owners = self.inner.journal.find_claims(&[claim]).await?;
        let Some(owner) = owners.into_iter().flatten().next() else { return Ok(None) };
        let known = self.inner.businesses.load(owner.id, &mut Reading::reloaded()).await?;
        let standing = match known.state.status {
            Status::Unknown => return Ok(None),
            Status::Open => Standing::Open,
            Status::Closed if known.state.gone => Standing::Gone,
            Status::Closed => Standing::Closed,
            Status::Removed => Standing::Removed,
        };
        let members = members(&known.state);
        Ok(Some(SourceBusiness { id: BusinessId(owner.id), version: known.version, standing, members }))
    }
}

fn members(state: &State) -> BTreeMap<String, String> {
    let address = edits::parts(state.place.address.as_ref());
    let address = address.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?.to_owned())));
    let attributes = state.attributes.iter().map(|(key, value)| (format!("/attributes/{key}"), value.clone()));
    address.chain(attributes).collect()
}

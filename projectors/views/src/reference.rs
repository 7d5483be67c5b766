//! What an id or a slug of a business leads to.

use serde::{Deserialize, Serialize};

use crate::key::Ordinal;
use crate::port::ViewError;

/// Body of [`crate::RowKey::Reference`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferenceRow {
    /// The business itself.
    Business(Ordinal),
    /// An old slug; the business is found under this one now (308).
    Moved {
        /// The slug it has now.
        slug: String,
    },
    /// The business was removed (410).
    Removed,
}

impl ReferenceRow {
    /// As a row's body.
    pub fn to_body(&self) -> Vec<u8> {
        crate::to_body(self)
    }

    /// From a row's body.
    pub fn from_body(body: &[u8]) -> Result<Self, ViewError> {
        crate::from_body("read a reference", body)
    }
}

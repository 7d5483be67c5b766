//! A category or a location, as a row.

use events::{LocationKind, Names, Point, Timestamp};
use serde::{Deserialize, Serialize};

use crate::key::Ordinal;
use crate::port::ViewError;

/// Body of [`crate::RowKey::Node`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Unique in its tree.
    pub slug: String,
    /// BCP 47 tag to name.
    pub names: Names,
    /// What a location is; absent for categories.
    pub kind: Option<LocationKind>,
    /// Centre of a location.
    pub point: Option<Point>,
    /// The nodes above, from the top down to the parent.
    pub ancestors: Vec<Ordinal>,
    /// Nodes directly below.
    pub children: u64,
    /// Open businesses filed here or anywhere below, each once.
    pub businesses: u64,
    /// When the node itself was last defined.
    pub updated_at: Timestamp,
}

impl NodeRow {
    /// As a row's body.
    pub fn to_body(&self) -> Vec<u8> {
        crate::to_body(self)
    }

    /// From a row's body.
    pub fn from_body(body: &[u8]) -> Result<Self, ViewError> {
        crate::from_body("read a node", body)
    }
}

impl Ordinal {
    /// As the body of a slug or child row.
    pub fn to_body(self) -> Vec<u8> {
        crate::to_body(&self)
    }

    /// From the body of a slug or child row.
    pub fn from_body(body: &[u8]) -> Result<Self, ViewError> {
        crate::from_body("read an ordinal", body)
    }
}

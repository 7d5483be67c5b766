//! Finished rows: their keys, their bodies, and the ports through which they are read and published.
//!
//! This crate must not know how rows come to be (that is `projectors`) or how they are served (`query-api`).

mod block;
mod block_codec;
mod business;
#[cfg(feature = "distributed")]
pub mod cql;
mod key;
mod list;
mod locale;
mod node;
mod port;
mod publish;
mod reference;
mod template;
mod text;

pub use block::{Block, BlockEnd, TornList, follow_chain, is_boundary};
pub use block_codec::{BlockError, BlockReader, BlockWriter};
pub use business::{
    BusinessCard, BusinessPage, BusinessStatus, Coordinates, NamedNode, PlacedNode, PostalAddress, Provenance,
};
pub use key::{Ordinal, Partition, RowKey, Tree};
pub use list::{EntryKey, LIST_VERSION, ListId, Sort};
pub use locale::{Locale, choose_name};
pub use node::NodeRow;
pub use port::{AsOf, Row, ViewError, ViewReader, ViewSource, ViewStatus};
pub use publish::{Publication, PublishedRow, ViewPublisher, ViewPublishers};
pub use reference::ReferenceRow;
pub use template::{Hole, Piece, Template, TemplateWriter};
pub use text::fold_name;

/// Writes a row body.
pub(crate) fn to_body(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("memory takes any row; no row type can fail to serialise")
}

/// Writes a row body into a buffer that was kept.
pub(crate) fn to_body_after(value: &impl serde::Serialize, buffer: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, buffer).expect("memory takes any row; no row type can fail to serialise")
}

/// Reads a row body.
pub(crate) fn from_body<'a, T: serde::Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<T, ViewError> {
    postcard::from_bytes(body).map_err(|e| ViewError::Corrupt { operation: what, reason: e.to_string() })
}

//! Keys of rows. A key is a partition and, in ordered partitions, a clustering part.
//!
//! Businesses and nodes are named by the position of their first event: short, dense enough and the same on every
//! replica.

use serde::{Deserialize, Serialize};

use crate::block::BlockEnd;
use crate::list::ListId;

/// Names a business, category or location in rows: the position of its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ordinal(pub u64);

/// One of the two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tree {
    /// Categories.
    Category,
    /// Locations.
    Location,
}

impl Tree {
    fn tag(self) -> u8 {
        match self {
            Self::Category => b'c',
            Self::Location => b'l',
        }
    }
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// Id or slug of a business → [`crate::ReferenceRow`].
    Reference(String),
    /// Business page → [`crate::Template`] of a [`crate::BusinessPage`].
    Page(Ordinal),
    /// Business card → [`crate::Template`] of a [`crate::BusinessCard`].
    Card(Ordinal),
    /// A category or location → [`crate::NodeRow`].
    Node(Tree, Ordinal),
    /// Slug of a category or location → ordinal.
    NodeSlug(Tree, String),
    /// A child of a node (or of the root), ordered by slug → ordinal.
    Child {
        /// Which tree.
        tree: Tree,
        /// The node above; absent at the top.
        parent: Option<Ordinal>,
        /// Slug of the child.
        slug: String,
    },
    /// A block of a ranked list → [`crate::Block`].
    Block(ListId, BlockEnd),
}

/// Rows that are read in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// The children of a node, by slug.
    Children(Tree, Option<Ordinal>),
    /// The blocks of a list, by their end.
    List(ListId),
}

impl Partition {
    /// The bytes that every key of the partition begins with, and no other key does.
    pub fn prefix(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24);
        match self {
            Self::Children(tree, parent) => {
                bytes.extend([b'h', tree.tag()]);
                bytes.extend(parent.map_or(0, |p| p.0).to_be_bytes());
            }
            Self::List(list) => {
                bytes.push(b'l');
                bytes.extend(list.category.map_or(0, |c| c.0).to_be_bytes());
                bytes.extend(list.location.map_or(0, |l| l.0).to_be_bytes());
                bytes.push(list.sort.tag());
            }
        }
        bytes
    }
}

impl RowKey {
    /// The ordered partition that the row is in, if it is in one.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Child { tree, parent, .. } => Some(Partition::Children(*tree, *parent)),
            Self::Block(list, _) => Some(Partition::List(*list)),
            _ => None,
        }
    }

    /// The part that orders the row in its partition; empty elsewhere.
    pub fn clustering(&self) -> Vec<u8> {
        match self {
            Self::Child { slug, .. } => slug.as_bytes().to_vec(),
            Self::Block(_, end) => end.to_bytes(),
            _ => Vec::new(),
        }
    }

    /// The whole key as bytes; the order of bytes is the order of rows in a partition. At most 511 bytes (LMDB).
    pub fn to_bytes(&self) -> Vec<u8> {
        if let Some(partition) = self.partition() {
            let mut bytes = partition.prefix();
            bytes.extend(self.clustering());
            return bytes;
        }
        let mut bytes = Vec::with_capacity(40);
        match self {
            Self::Reference(text) => {
                bytes.push(b'r');
                bytes.extend(text.as_bytes());
            }
            Self::Page(ordinal) => {
                bytes.push(b'p');
                bytes.extend(ordinal.0.to_be_bytes());
            }
            Self::Card(ordinal) => {
                bytes.push(b'c');
                bytes.extend(ordinal.0.to_be_bytes());
            }
            Self::Node(tree, ordinal) => {
                bytes.extend([b'n', tree.tag()]);
                bytes.extend(ordinal.0.to_be_bytes());
            }
            Self::NodeSlug(tree, slug) => {
                bytes.extend([b's', tree.tag()]);
                bytes.extend(slug.as_bytes());
            }
            Self::Child { .. } | Self::Block(..) => {}
        }
        bytes
    }
}

/// Takes the bytes of a key apart: what its partition is found by, and what orders it there (empty in partitions of one
/// row). `None` if they are no key's.
#[cfg(any(feature = "distributed", test))]
pub(crate) fn split_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let prefix = match key.first()? {
        b'h' => 10,
        b'l' => 18,
        b'r' | b'p' | b'c' | b'n' | b's' => key.len(),
        _ => return None,
    };
    key.split_at_checked(prefix)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::list::{EntryKey, Sort};

    #[test]
    fn a_key_is_taken_apart_as_it_was_put_together() {
        let list = ListId { category: Some(Ordinal(5)), location: None, sort: Sort::Best };
        let keys = [
            RowKey::Reference("moe-s".to_owned()),
            RowKey::Page(Ordinal(1)),
            RowKey::Card(Ordinal(u64::MAX)),
            RowKey::Node(Tree::Location, Ordinal(2)),
            RowKey::NodeSlug(Tree::Category, "bar".to_owned()),
            RowKey::Child { tree: Tree::Category, parent: None, slug: "bar".to_owned() },
            RowKey::Child { tree: Tree::Location, parent: Some(Ordinal(7)), slug: String::new() },
            RowKey::Block(list, BlockEnd::Tail),
            RowKey::Block(list, BlockEnd::Entry(EntryKey::best(7, Ordinal(3)))),
        ];
        for key in keys {
            let bytes = key.to_bytes();
            let (partition, clustering) = split_key(&bytes).unwrap();
            assert_eq!(clustering, key.clustering());
            assert_eq!(partition, key.partition().map_or(bytes.clone(), |partition| partition.prefix()), "{key:?}");
        }
        for none in [&b""[..], b"x123", b"h12345678", b"l1234567890123456"] {
            assert_eq!(split_key(none), None);
        }
    }
}

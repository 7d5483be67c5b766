//! The naive directory: what is known, in plain maps.

use std::collections::{BTreeMap, BTreeSet};

use command_api::{Accepted, Command, Precondition};
use events::{Names, Point, Source, Timestamp};
use uuid::Uuid;
use views::BusinessStatus;

use crate::past::Moment;

/// One of the two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    Categories,
    Locations,
}

impl Tree {
    pub(crate) const BOTH: [Self; 2] = [Self::Categories, Self::Locations];

    /// As in addresses.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Locations => "locations",
        }
    }
}

/// A category or location.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) id: Uuid,
    pub(crate) parent: Option<String>,
    pub(crate) names: Names,
    pub(crate) kind: Option<String>,
    pub(crate) point: Option<Point>,
    pub(crate) version: u64,
    pub(crate) position: u64,
    pub(crate) updated_at: Timestamp,
}

/// Whether a business is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Open,
    Closed,
    Removed,
}

/// The place of a business.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Place {
    pub(crate) location: Option<String>,
    pub(crate) address: Option<events::Address>,
    pub(crate) point: Option<Point>,
    pub(crate) time_zone: Option<String>,
}

/// A business and all that was ever said about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Business {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) old_slugs: BTreeSet<String>,
    pub(crate) status: Status,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) place: Place,
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) website: Option<String>,
    pub(crate) opening_hours: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) source: Option<Source>,
    pub(crate) version: u64,
    /// Position of its first event.
    pub(crate) ordinal: u64,
    /// Position of its newest event.
    pub(crate) position: u64,
    pub(crate) registered_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Business {
    /// As pages and cards say it.
    pub(crate) fn shown_status(&self) -> BusinessStatus {
        if self.status == Status::Open { BusinessStatus::Open } else { BusinessStatus::Closed }
    }
}

/// A command that was accepted under a key, and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub(crate) command: Command,
    pub(crate) if_match: Option<Precondition>,
    pub(crate) answer: Accepted,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) categories: BTreeMap<String, Node>,
    pub(crate) locations: BTreeMap<String, Node>,
    pub(crate) businesses: Vec<Business>,
    /// What each of them ever was, the oldest first.
    pub(crate) past: Vec<Vec<Moment>>,
    /// Every slug that any business ever had, and the business.
    pub(crate) slugs: BTreeMap<String, usize>,
    /// Every source id, and its business.
    pub(crate) sources: BTreeMap<String, usize>,
    pub(crate) keys: BTreeMap<String, Remembered>,
    /// The newest position.
    pub(crate) head: u64,
    /// Businesses that commands were about since the last comparison.
    pub(crate) touched: BTreeSet<usize>,
}

impl Directory {
    pub(crate) fn tree(&self, tree: Tree) -> &BTreeMap<String, Node> {
        match tree {
            Tree::Categories => &self.categories,
            Tree::Locations => &self.locations,
        }
    }

    pub(crate) fn tree_mut(&mut self, tree: Tree) -> &mut BTreeMap<String, Node> {
        match tree {
            Tree::Categories => &mut self.categories,
            Tree::Locations => &mut self.locations,
        }
    }

    /// A node and everything above it, from the node up.
    pub(crate) fn upward(&self, tree: Tree, slug: &str) -> Vec<String> {
        let mut line = vec![slug.to_owned()];
        while let Some(parent) = &self.tree(tree)[&line[line.len() - 1]].parent {
            line.push(parent.clone());
        }
        line
    }

    /// Whether a business is filed under a node, or under one below it.
    pub(crate) fn is_in(&self, business: &Business, tree: Tree, slug: &str) -> bool {
        let filed: Vec<&String> = match tree {
            Tree::Categories => business.categories.iter().collect(),
            Tree::Locations => business.place.location.iter().collect(),
        };
        filed.into_iter().any(|node| self.upward(tree, node).iter().any(|above| above == slug))
    }

    /// The open businesses of a category and a location; of all where none is given.
    pub(crate) fn listed(&self, category: Option<&str>, location: Option<&str>) -> Vec<&Business> {
        let open = self.businesses.iter().filter(|business| business.status == Status::Open);
        open.filter(|b| category.is_none_or(|slug| self.is_in(b, Tree::Categories, slug)))
            .filter(|b| location.is_none_or(|slug| self.is_in(b, Tree::Locations, slug)))
            .collect()
    }

    /// The business of this id.
    pub(crate) fn find(&self, id: Uuid) -> Option<usize> {
        self.businesses.iter().position(|business| business.id == id)
    }
}

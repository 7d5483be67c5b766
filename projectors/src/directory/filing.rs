//! Where an open business is listed.

use views::{BusinessStatus, EntryKey, Ordinal, Sort, Tree, fold_name};

use super::business::Business;
use super::nodes::Nodes;
use crate::port::{StoreError, StoreReader};

/// Stands for "all of them" among the nodes of a filing: no node has the position before the first.
const ALL: Ordinal = Ordinal(0);

/// The lists that an open business is in, and its place in them. One that is not open has none.
#[derive(Debug, PartialEq)]
pub(super) struct Filing {
    /// Its categories and everything above them, each once; all of them first.
    categories: Vec<Ordinal>,
    /// Its location and everything around it; all of them first.
    locations: Vec<Ordinal>,
    ordinal: Ordinal,
    name: String,
    score: u16,
}

/// A category and a location, either of which may be "all of them".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shelf {
    category: Ordinal,
    location: Ordinal,
}

impl Shelf {
    pub(super) fn category(self) -> Option<Ordinal> {
        (self.category != ALL).then_some(self.category)
    }

    pub(super) fn location(self) -> Option<Ordinal> {
        (self.location != ALL).then_some(self.location)
    }

    /// The orders kept: where category and location meet, only the best first.
    pub(super) fn sorts(self) -> &'static [Sort] {
        if self.category == ALL || self.location == ALL { &Sort::ALL } else { &[Sort::Best] }
    }
}

impl Filing {
    /// Afterwards all its nodes are in memory.
    pub(super) fn of(
        business: &Business,
        score: u16,
        nodes: &mut Nodes,
        store: &dyn StoreReader,
    ) -> Result<Option<Self>, StoreError> {
        if business.status != BusinessStatus::Open {
            return Ok(None);
        }
        let mut categories = vec![ALL];
        for category in &business.categories {
            let lineage = nodes.lineage(store, Tree::Category, *category)?;
            for node in lineage.iter().chain([category]) {
                if !categories.contains(node) {
                    categories.push(*node);
                }
            }
        }
        let mut locations = vec![ALL];
        if let Some(location) = business.location {
            locations.extend(nodes.lineage(store, Tree::Location, location)?);
            locations.push(location);
        }
        Ok(Some(Self { categories, locations, ordinal: business.ordinal, name: business.name.clone(), score }))
    }

    /// The categories and locations that count it.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Ordinal> + '_ {
        self.categories[1..].iter().chain(&self.locations[1..]).copied()
    }

    pub(super) fn counts_in(&self, node: Ordinal) -> bool {
        self.categories[1..].contains(&node) || self.locations[1..].contains(&node)
    }

    pub(super) fn shelves(&self) -> impl Iterator<Item = Shelf> + '_ {
        self.categories.iter().flat_map(|category| {
            self.locations.iter().map(|location| Shelf { category: *category, location: *location })
        })
    }

    pub(super) fn is_on(&self, shelf: Shelf) -> bool {
        self.categories.contains(&shelf.category) && self.locations.contains(&shelf.location)
    }

    /// Its place in a list of this order.
    pub(super) fn key(&self, sort: Sort) -> EntryKey {
        match sort {
            Sort::Name => EntryKey::name(&fold_name(&self.name), self.ordinal),
            Sort::Newest => EntryKey::newest(self.ordinal),
            Sort::Best => EntryKey::best(self.score, self.ordinal),
        }
    }

    /// Whether the two have the same place in lists of this order.
    pub(super) fn stays(&self, other: &Self, sort: Sort) -> bool {
        match sort {
            Sort::Name => self.name == other.name,
            Sort::Newest => true,
            Sort::Best => self.score == other.score,
        }
    }
}

//! The directory as a novice would write it: plain maps, and everything worked out anew when asked for.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::collections::{BTreeMap, BTreeSet};

use events::{
    BusinessRegistered, CategoryId, DetailField, Event, LocationId, LocationKind, Names, Point, RecordedEvent,
    Timestamp,
};
use uuid::Uuid;
use views::{
    BusinessCard, BusinessPage, BusinessStatus, Coordinates, EntryKey, NamedNode, NodeRow, Ordinal, PlacedNode,
    PostalAddress, Provenance, ReferenceRow, Sort, Tree, choose_name, fold_name,
};

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Categories and locations, by id.
    pub nodes: BTreeMap<(Tree, Uuid), WorldNode>,
    /// By id; removed ones are there, without a status.
    pub businesses: BTreeMap<Uuid, WorldBusiness>,
}

/// A category or a location.
#[derive(Debug, Clone)]
pub struct WorldNode {
    /// The position of its first event.
    pub ordinal: Ordinal,
    /// Unique in its tree.
    pub slug: String,
    /// What it lies below.
    pub parent: Option<Uuid>,
    kind: Option<LocationKind>,
    names: Names,
    point: Option<Point>,
    updated_at: Timestamp,
}

/// A business.
#[derive(Debug, Clone)]
pub struct WorldBusiness {
    /// The position of its first event.
    pub ordinal: Ordinal,
    /// What is known now, in the shape of the first event.
    pub facts: BusinessRegistered,
    /// None if it was removed.
    pub status: Option<BusinessStatus>,
    /// Slugs that it had before.
    pub old_slugs: BTreeSet<String>,
    registered_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

impl World {
    /// After one more event.
    pub fn apply(&mut self, recorded: &RecordedEvent, event: &Event) {
        let id = recorded.header.stream.id;
        match event {
            Event::CategoryDefined(e) => {
                let node = (&e.slug, e.parent.map(|p| p.0), None, &e.names, None);
                self.define((Tree::Category, id), recorded, node);
            }
            Event::LocationDefined(e) => {
                let node = (&e.slug, e.parent.map(|p| p.0), Some(e.kind), &e.names, e.point);
                self.define((Tree::Location, id), recorded, node);
            }
            Event::BusinessRegistered(facts) => {
                let business = WorldBusiness {
                    ordinal: Ordinal(recorded.position.0),
                    facts: facts.clone(),
                    status: Some(BusinessStatus::Open),
                    old_slugs: BTreeSet::new(),
                    registered_at: recorded.recorded_at,
                    updated_at: recorded.recorded_at,
                    version: recorded.header.version.0,
                };
                assert!(self.businesses.insert(id, business).is_none());
            }
            Event::ParkedEventSkipped(_) => {}
            change => {
                let business = self.businesses.get_mut(&id).unwrap();
                business.updated_at = recorded.recorded_at;
                business.version = recorded.header.version.0;
                business.change(change);
            }
        }
    }

    fn define(
        &mut self,
        key: (Tree, Uuid),
        recorded: &RecordedEvent,
        (slug, parent, kind, names, point): (&String, Option<Uuid>, Option<LocationKind>, &Names, Option<Point>),
    ) {
        let ordinal = self.nodes.get(&key).map_or(Ordinal(recorded.position.0), |node| node.ordinal);
        let (slug, names, updated_at) = (slug.clone(), names.clone(), recorded.recorded_at);
        self.nodes.insert(key, WorldNode { ordinal, slug, parent, kind, names, point, updated_at });
    }

    /// From the top down, the node last.
    pub fn path(&self, tree: Tree, id: Uuid) -> Vec<&WorldNode> {
        let mut path = vec![&self.nodes[&(tree, id)]];
        while let Some(parent) = path[0].parent {
            path.insert(0, &self.nodes[&(tree, parent)]);
        }
        path
    }

    fn filed(&self, business: &WorldBusiness) -> (BTreeSet<Ordinal>, BTreeSet<Ordinal>) {
        let categories = business.facts.categories.iter().flat_map(|c| self.path(Tree::Category, c.0));
        let locations = business.facts.location.iter().flat_map(|l| self.path(Tree::Location, l.0));
        (categories.map(|node| node.ordinal).collect(), locations.map(|node| node.ordinal).collect())
    }

    /// What the row of a node has to say.
    pub fn node(&self, tree: Tree, id: Uuid) -> NodeRow {
        let node = &self.nodes[&(tree, id)];
        let path = self.path(tree, id);
        let open = self.businesses.values().filter(|b| b.status == Some(BusinessStatus::Open));
        let here = open.filter(|business| {
            let (categories, locations) = self.filed(business);
            categories.contains(&node.ordinal) || locations.contains(&node.ordinal)
        });
        NodeRow {
            slug: node.slug.clone(),
            names: node.names.clone(),
            kind: node.kind,
            point: node.point,
            ancestors: path[..path.len() - 1].iter().map(|node| node.ordinal).collect(),
            children: self.nodes.iter().filter(|((t, _), n)| *t == tree && n.parent == Some(id)).count() as u64,
            businesses: here.count() as u64,
            updated_at: node.updated_at,
        }
    }

    /// Every list that is not empty, in order.
    pub fn lists(&self) -> BTreeMap<(Option<Ordinal>, Option<Ordinal>, Sort), Vec<EntryKey>> {
        let mut lists: BTreeMap<_, Vec<EntryKey>> = BTreeMap::new();
        for business in self.businesses.values().filter(|b| b.status == Some(BusinessStatus::Open)) {
            let (categories, locations) = self.filed(business);
            for category in [None].into_iter().chain(categories.into_iter().map(Some)) {
                for location in [None].into_iter().chain(locations.iter().copied().map(Some)) {
                    for sort in Sort::ALL {
                        if sort == Sort::Best || category.is_none() || location.is_none() {
                            lists.entry((category, location, sort)).or_default().push(business.entry(sort));
                        }
                    }
                }
            }
        }
        lists.values_mut().for_each(|entries| entries.sort());
        lists
    }

    /// What slugs and ids lead to.
    pub fn references(&self) -> BTreeMap<String, ReferenceRow> {
        let mut references = BTreeMap::new();
        for (id, business) in &self.businesses {
            let here = match business.status {
                Some(_) => ReferenceRow::Business(business.ordinal),
                None => ReferenceRow::Removed,
            };
            references.insert(id.to_string(), here.clone());
            references.insert(business.facts.slug.clone(), here);
            for old in &business.old_slugs {
                let row = match business.status {
                    Some(_) => ReferenceRow::Moved { slug: business.facts.slug.clone() },
                    None => ReferenceRow::Removed,
                };
                references.insert(old.clone(), row);
            }
        }
        references
    }

    fn named(node: &WorldNode) -> NamedNode {
        NamedNode { slug: node.slug.clone(), name: choose_name(&node.names, None).to_owned() }
    }

    fn category(&self, id: &CategoryId) -> NamedNode {
        Self::named(&self.nodes[&(Tree::Category, id.0)])
    }

    fn place(&self, id: &LocationId) -> PlacedNode {
        let path = self.path(Tree::Location, id.0);
        let (here, above) = path.split_last().unwrap();
        let NamedNode { slug, name } = Self::named(here);
        PlacedNode { slug, name, path: above.iter().map(|node| Self::named(node)).collect() }
    }

    /// What the page of a business has to say.
    pub fn page(&self, business: &WorldBusiness) -> BusinessPage {
        let facts = business.facts.clone();
        BusinessPage {
            id: facts.business_id.0,
            slug: facts.slug,
            name: facts.name,
            status: business.status.unwrap(),
            description: facts.description,
            categories: facts.categories.iter().map(|id| self.category(id)).collect(),
            location: facts.location.map(|id| self.place(&id)),
            address: business.address(),
            point: business.point(),
            time_zone: facts.time_zone,
            phone: facts.phone,
            email: facts.email,
            website: facts.website,
            opening_hours: facts.opening_hours,
            attributes: facts.attributes,
            source: facts.source.map(|s| Provenance {
                system: s.system,
                external_id: s.external_id,
                licence: s.licence,
                attribution: s.attribution,
            }),
            registered_at: business.registered_at.to_rfc3339(),
            updated_at: business.updated_at.to_rfc3339(),
            version: business.version,
            // Rows do not know what time it is.
            open_now: None,
            next_change_at: None,
        }
    }

    /// What its card has to say.
    pub fn card(&self, business: &WorldBusiness) -> BusinessCard {
        let facts = business.facts.clone();
        BusinessCard {
            id: facts.business_id.0,
            slug: facts.slug,
            name: facts.name,
            status: business.status.unwrap(),
            category: self.category(&facts.primary_category),
            location: facts.location.map(|id| Self::named(&self.nodes[&(Tree::Location, id.0)])),
            address: business.address(),
            point: business.point(),
            attribution: facts.source.and_then(|source| source.attribution),
        }
    }
}

impl WorldBusiness {
    fn change(&mut self, event: &Event) {
        let facts = &mut self.facts;
        match event.clone() {
            Event::BusinessDetailsChanged(e) => {
                if let Some(slug) = e.slug {
                    let old = std::mem::replace(&mut facts.slug, slug);
                    self.old_slugs.insert(old);
                    self.old_slugs.remove(&facts.slug);
                }
                facts.name = e.name.unwrap_or_else(|| facts.name.clone());
                facts.description = e.description.or(facts.description.take());
                facts.phone = e.phone.or(facts.phone.take());
                facts.email = e.email.or(facts.email.take());
                facts.website = e.website.or(facts.website.take());
                facts.opening_hours = e.opening_hours.or(facts.opening_hours.take());
                facts.attributes.extend(e.attributes_set);
                facts.attributes.retain(|key, _| !e.attributes_removed.contains(key));
                for field in e.removed {
                    match field {
                        DetailField::Description => facts.description = None,
                        DetailField::Phone => facts.phone = None,
                        DetailField::Email => facts.email = None,
                        DetailField::Website => facts.website = None,
                        DetailField::OpeningHours => facts.opening_hours = None,
                    }
                }
            }
            Event::BusinessRelocated(e) => {
                facts.location = e.location;
                facts.address = e.address;
                facts.point = e.point;
                facts.time_zone = e.time_zone;
            }
            Event::BusinessRecategorized(e) => {
                facts.primary_category = e.primary_category;
                facts.categories = e.categories;
            }
            Event::BusinessClosed(_) => self.status = Some(BusinessStatus::Closed),
            Event::BusinessRemoved(_) => self.status = None,
            other => panic!("{other:?} is no change of a business"),
        }
    }

    fn address(&self) -> Option<PostalAddress> {
        self.facts.address.clone().map(|a| PostalAddress {
            street: a.street,
            locality: a.locality,
            region: a.region,
            postcode: a.postcode,
            country: a.country,
        })
    }

    fn point(&self) -> Option<Coordinates> {
        self.facts.point.map(|p| Coordinates { lat: p.lat, lon: p.lon })
    }

    fn entry(&self, sort: Sort) -> EntryKey {
        match sort {
            Sort::Name => EntryKey::name(&fold_name(&self.facts.name), self.ordinal),
            Sort::Newest => EntryKey::newest(self.ordinal),
            Sort::Best => EntryKey::best(self.score(), self.ordinal),
        }
    }

    /// After `docs/ranking.md`.
    fn score(&self) -> u16 {
        let f = &self.facts;
        let mut points = 0;
        points += if f.description.is_some() { 60 } else { 0 };
        points += if f.location.is_some() { 60 } else { 0 };
        points += if f.address.as_ref().and_then(|a| a.street.as_ref()).is_some() { 60 } else { 0 };
        points += if f.point.is_some() { 60 } else { 0 };
        points += if f.website.is_some() { 50 } else { 0 };
        points += if f.opening_hours.is_some() { 50 } else { 0 };
        points += if f.phone.is_some() { 40 } else { 0 };
        points += if f.email.is_some() { 20 } else { 0 };
        let popularity: u64 = f.attributes.get("popularity").and_then(|text| text.parse().ok()).unwrap_or(0);
        let logarithm = |n: u64| {
            let whole = u64::from(n.ilog2());
            256 * whole + 256 * (n - (1 << whole)) / (1 << whole)
        };
        points += 600 * logarithm(1 + popularity) / logarithm(1_000_001);
        (points / 20) as u16
    }
}

//! What the naive directory shows: pages, cards, trees, and the order of lists.

use std::cmp::Reverse;

use events::Names;
use query_api::NodeSummary;
use views::{
    BusinessCard, BusinessPage, BusinessStatus, Coordinates, NamedNode, PlacedNode, PostalAddress, Provenance, Sort,
    fold_name,
};

use crate::directory::{Business, Directory, Tree};
use crate::generate::HOURS;

/// Bytes of a name that take part in the order.
const NAME_BYTES: usize = 32;

/// The directory, in a language.
pub(crate) struct Shown<'d> {
    pub(crate) directory: &'d Directory,
    pub(crate) locale: Option<&'static str>,
}

impl Shown<'_> {
    /// In the language, in a shorter form of it, in English, in any.
    fn name(&self, names: &Names) -> String {
        let locale = self.locale.unwrap_or("en");
        let language = locale.split('-').next().unwrap();
        let found = [locale, language, "en"].into_iter().find_map(|tag| names.get(tag));
        found.or_else(|| names.values().next()).unwrap().clone()
    }

    pub(crate) fn named(&self, tree: Tree, slug: &str) -> NamedNode {
        NamedNode { slug: slug.to_owned(), name: self.name(&self.directory.tree(tree)[slug].names) }
    }

    pub(crate) fn path(&self, tree: Tree, slug: &str) -> Vec<NamedNode> {
        let upward = self.directory.upward(tree, slug);
        upward[1..].iter().rev().map(|above| self.named(tree, above)).collect()
    }

    pub(crate) fn page(&self, business: &Business) -> BusinessPage {
        let b = business.clone();
        let (open_now, next_change_at) = open_now(business);
        BusinessPage {
            id: b.id,
            status: b.shown_status(),
            slug: b.slug,
            name: b.name,
            description: b.description,
            categories: b.categories.iter().map(|slug| self.named(Tree::Categories, slug)).collect(),
            location: b.place.location.as_ref().map(|slug| {
                let NamedNode { slug, name } = self.named(Tree::Locations, slug);
                PlacedNode { path: self.path(Tree::Locations, &slug), slug, name }
            }),
            address: b.place.address.map(postal),
            point: b.place.point.map(|point| Coordinates { lat: point.lat, lon: point.lon }),
            time_zone: b.place.time_zone,
            phone: b.phone,
            email: b.email,
            website: b.website,
            opening_hours: b.opening_hours,
            attributes: b.attributes,
            source: b.source.map(|source| Provenance {
                system: source.system,
                external_id: source.external_id,
                licence: source.licence,
                attribution: source.attribution,
            }),
            registered_at: b.registered_at.to_rfc3339(),
            updated_at: b.updated_at.to_rfc3339(),
            version: b.version,
            open_now,
            next_change_at,
        }
    }

    pub(crate) fn card(&self, business: &Business) -> BusinessCard {
        let b = business.clone();
        BusinessCard {
            id: b.id,
            status: b.shown_status(),
            slug: b.slug,
            name: b.name,
            category: self.named(Tree::Categories, &b.categories[0]),
            location: b.place.location.as_ref().map(|slug| self.named(Tree::Locations, slug)),
            address: b.place.address.map(postal),
            point: b.place.point.map(|point| Coordinates { lat: point.lat, lon: point.lon }),
            attribution: b.source.and_then(|source| source.attribution),
        }
    }

    pub(crate) fn summary(&self, tree: Tree, slug: &str) -> NodeSummary {
        let node = &self.directory.tree(tree)[slug];
        let listed = match tree {
            Tree::Categories => self.directory.listed(Some(slug), None),
            Tree::Locations => self.directory.listed(None, Some(slug)),
        };
        NodeSummary {
            slug: slug.to_owned(),
            name: self.name(&node.names),
            kind: node.kind.clone(),
            point: node.point.map(|point| Coordinates { lat: point.lat, lon: point.lon }),
            businesses: listed.len() as u64,
            children: self.children(tree, Some(slug)).len() as u64,
        }
    }

    /// The nodes below a node, by slug.
    pub(crate) fn children(&self, tree: Tree, parent: Option<&str>) -> Vec<NodeSummary> {
        let nodes = self.directory.tree(tree).iter();
        let below = nodes.filter(|(_, node)| node.parent.as_deref() == parent);
        let slugs: Vec<&String> = below.map(|(slug, _)| slug).collect();
        slugs.into_iter().map(|slug| self.summary(tree, slug)).collect()
    }

    /// The cards of a list, in order.
    pub(crate) fn list(&self, category: Option<&str>, location: Option<&str>, sort: Sort) -> Vec<BusinessCard> {
        let mut listed = self.directory.listed(category, location);
        match sort {
            Sort::Name => listed.sort_by_key(|b| (name_prefix(&fold_name(&b.name)), b.ordinal)),
            Sort::Newest => listed.sort_by_key(|b| Reverse(b.ordinal)),
            Sort::Best => listed.sort_by_key(|b| (Reverse(score(b)), b.ordinal)),
        }
        listed.into_iter().map(|business| self.card(business)).collect()
    }
}

/// What the hours that are generated say at [`crate::world::NOW`], found with a calendar.
fn open_now(business: &Business) -> (Option<bool>, Option<String>) {
    let Some(hours) = &business.opening_hours else { return (None, None) };
    if business.shown_status() == BusinessStatus::Closed {
        return (Some(false), None);
    }
    // It is Monday 12:00, 13:00 and 6:00 there. The only day with another offset is the 26th of March, in Chicago.
    let (offset, march) = match business.place.time_zone.as_deref() {
        Some("UTC") => ("+00:00", "+00:00"),
        Some("Europe/Berlin") => ("+01:00", "+01:00"),
        Some("America/Chicago") => ("-06:00", "-05:00"),
        _ => return (None, None),
    };
    let chicago = offset == "-06:00";
    let (open, until) = match HOURS.iter().position(|known| *known == hours.as_str()).unwrap() {
        0 => (Some(false), format!("2026-11-23T14:00:00{offset}")),
        1 => return (Some(true), None),
        2 => return (None, None),
        3 if chicago => (None, format!("2026-11-23T09:00:00{offset}")),
        3 => (Some(true), format!("2026-11-23T17:00:00{offset}")),
        // The first Monday of the month in week 50.
        4 => (Some(false), format!("2026-12-07T10:00:00{offset}")),
        // Good Friday.
        _ => (Some(false), format!("2027-03-26T10:00:00{march}")),
    };
    (open, Some(until))
}

fn postal(address: events::Address) -> PostalAddress {
    let events::Address { street, locality, region, postcode, country } = address;
    PostalAddress { street, locality, region, postcode, country }
}

fn name_prefix(name: &str) -> String {
    let mut prefix = String::new();
    for letter in name.chars() {
        if prefix.len() + letter.len_utf8() > NAME_BYTES {
            break;
        }
        prefix.push(letter);
    }
    prefix
}

/// The formula of `docs/ranking.md`.
fn score(b: &Business) -> u64 {
    let facts = [
        (b.description.is_some(), 60),
        (b.place.location.is_some(), 60),
        (b.place.address.as_ref().is_some_and(|address| address.street.is_some()), 60),
        (b.place.point.is_some(), 60),
        (b.website.is_some(), 50),
        (b.opening_hours.is_some(), 50),
        (b.phone.is_some(), 40),
        (b.email.is_some(), 20),
    ];
    let complete: u64 = facts.into_iter().map(|(known, points)| if known { points } else { 0 }).sum();
    let popularity: u64 = b.attributes.get("popularity").map_or(0, |text| text.parse().unwrap());
    (complete + 600 * logarithm(popularity + 1) / logarithm(1_000_001)) / 20
}

/// 256 times the logarithm to base 2, with a straight line between one power and the next.
fn logarithm(n: u64) -> u64 {
    let power = (0..).take_while(|power| 1 << power <= n).last().unwrap();
    256 * power + 256 * n / (1 << power) - 256
}

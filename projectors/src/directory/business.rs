//! A business as the fold remembers it, and what follows from it alone.

use std::collections::BTreeMap;

use events::{
    Address, BusinessDetailsChanged, BusinessRegistered, DetailField, Point, Source, StreamVersion, Timestamp,
};
use serde::{Deserialize, Serialize};
use views::{BusinessStatus, Ordinal};

use super::shape;

/// Everything that rows about a business are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Business {
    pub(super) ordinal: Ordinal,
    pub(super) version: StreamVersion,
    pub(super) status: BusinessStatus,
    pub(super) slug: String,
    /// Slugs it had before; they go on to lead here.
    pub(super) old_slugs: Vec<String>,
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The primary one first.
    pub(super) categories: Vec<Ordinal>,
    pub(super) location: Option<Ordinal>,
    pub(super) address: Option<Address>,
    pub(super) point: Option<Point>,
    pub(super) time_zone: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) website: Option<String>,
    pub(super) opening_hours: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) source: Option<Source>,
    pub(super) registered_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// When anything that the card shows last changed.
    pub(super) card_updated_at: Timestamp,
}

impl Business {
    /// As registered; categories and location were looked up.
    pub(super) fn register(
        ordinal: Ordinal,
        recorded_at: Timestamp,
        event: BusinessRegistered,
        categories: Vec<Ordinal>,
        location: Option<Ordinal>,
    ) -> Self {
        Self {
            ordinal,
            version: StreamVersion::ZERO,
            status: BusinessStatus::Open,
            slug: event.slug,
            old_slugs: Vec::new(),
            name: event.name,
            description: event.description,
            categories,
            location,
            address: shape::known_address(event.address),
            point: event.point,
            time_zone: event.time_zone,
            phone: event.phone,
            email: event.email,
            website: event.website,
            opening_hours: event.opening_hours,
            attributes: event.attributes,
            source: event.source,
            registered_at: recorded_at,
            updated_at: recorded_at,
            card_updated_at: recorded_at,
        }
    }

    /// Takes over changed details. Removal is explicit and wins.
    pub(super) fn change(&mut self, event: &BusinessDetailsChanged) {
        fn set(field: &mut Option<String>, value: Option<&String>) {
            if value.is_some() {
                *field = value.cloned();
            }
        }
        if let Some(slug) = event.slug.as_ref().filter(|slug| **slug != self.slug) {
            let old = std::mem::replace(&mut self.slug, slug.clone());
            // A business may take back a slug that it had.
            self.old_slugs.retain(|other| other != slug);
            self.old_slugs.push(old);
        }
        if let Some(name) = &event.name {
            self.name.clone_from(name);
        }
        set(&mut self.description, event.description.as_ref());
        set(&mut self.phone, event.phone.as_ref());
        set(&mut self.email, event.email.as_ref());
        set(&mut self.website, event.website.as_ref());
        set(&mut self.opening_hours, event.opening_hours.as_ref());
        self.attributes.extend(event.attributes_set.iter().map(|(key, text)| (key.clone(), text.clone())));
        for key in &event.attributes_removed {
            self.attributes.remove(key);
        }
        for field in &event.removed {
            *match field {
                DetailField::Description => &mut self.description,
                DetailField::Phone => &mut self.phone,
                DetailField::Email => &mut self.email,
                DetailField::Website => &mut self.website,
                DetailField::OpeningHours => &mut self.opening_hours,
            } = None;
        }
    }

    /// Whether the two show the same card.
    pub(super) fn has_card_of(&self, other: &Self) -> bool {
        let attribution = |b: &Self| b.source.as_ref().and_then(|source| source.attribution.clone());
        self.slug == other.slug
            && self.name == other.name
            && self.status == other.status
            && self.categories.first() == other.categories.first()
            && self.location == other.location
            && self.address == other.address
            && self.point == other.point
            && attribution(self) == attribution(other)
    }

    /// Roughly its bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.description, &self.phone, &self.email, &self.website, &self.opening_hours];
        let attributes: usize = self.attributes.iter().map(|(key, text)| key.len() + text.len() + 64).sum();
        // The rest (address, source, allocations) is taken as a round sum.
        size_of::<Self>()
            + 400
            + texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>()
            + attributes
    }
}

#[cfg(test)]
impl Default for Business {
    fn default() -> Self {
        Self {
            ordinal: Ordinal(1),
            version: StreamVersion(1),
            status: BusinessStatus::Open,
            slug: "a".to_owned(),
            old_slugs: Vec::new(),
            name: "A".to_owned(),
            description: None,
            categories: vec![Ordinal(1)],
            location: None,
            address: None,
            point: None,
            time_zone: None,
            phone: None,
            email: None,
            website: None,
            opening_hours: None,
            attributes: BTreeMap::new(),
            source: None,
            registered_at: Timestamp(0),
            updated_at: Timestamp(0),
            card_updated_at: Timestamp(0),
        }
    }
}

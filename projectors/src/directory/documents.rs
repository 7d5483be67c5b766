//! Page and card of a business, as templates.

use events::{Address, BusinessId, Point, Source};
use serde::Serialize;
use views::{Coordinates, Hole, Ordinal, TemplateWriter, Tree};

use super::business::Business;

/// The template of a [`views::BusinessPage`], member by member in its order.
pub(super) fn page(writer: &mut TemplateWriter, id: BusinessId, business: &Business) -> Vec<u8> {
    writer
        .member("id", &id.0)
        .member("slug", &business.slug)
        .member("name", &business.name)
        .member("status", &business.status)
        .optional("description", business.description.as_ref())
        .holes("categories", business.categories.iter().map(|category| Hole::Node(Tree::Category, *category)))
        .optional_hole("location", business.location.map(Hole::Place))
        .optional("address", business.address.as_ref().map(PostalAddress::from).as_ref())
        .optional("point", business.point.map(coordinates).as_ref())
        .optional("time_zone", business.time_zone.as_ref())
        .optional("phone", business.phone.as_ref())
        .optional("email", business.email.as_ref())
        .optional("website", business.website.as_ref())
        .optional("opening_hours", business.opening_hours.as_ref())
        .member("attributes", &business.attributes)
        .optional("source", business.source.as_ref().map(Provenance::from).as_ref())
        .member("registered_at", &business.registered_at.to_rfc3339())
        .member("updated_at", &business.updated_at.to_rfc3339())
        .member("version", &business.version.0)
        .finish(business.updated_at)
}

/// The template of a [`views::BusinessCard`]. Whatever it shows is compared in [`Business::has_card_of`].
pub(super) fn card(writer: &mut TemplateWriter, id: BusinessId, business: &Business) -> Vec<u8> {
    let node = |tree| move |ordinal: &Ordinal| Hole::Node(tree, *ordinal);
    writer
        .member("id", &id.0)
        .member("slug", &business.slug)
        .member("name", &business.name)
        .member("status", &business.status)
        .optional_hole("category", business.categories.first().map(node(Tree::Category)))
        .optional_hole("location", business.location.as_ref().map(node(Tree::Location)))
        .optional("address", business.address.as_ref().map(PostalAddress::from).as_ref())
        .optional("point", business.point.map(coordinates).as_ref())
        .optional("attribution", business.source.as_ref().and_then(|source| source.attribution.as_ref()))
        .finish(business.card_updated_at)
}

fn coordinates(point: Point) -> Coordinates {
    Coordinates { lat: point.lat, lon: point.lon }
}

/// [`views::PostalAddress`], written from where it lies.
#[derive(Serialize)]
struct PostalAddress<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postcode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

impl<'a> From<&'a Address> for PostalAddress<'a> {
    fn from(address: &'a Address) -> Self {
        Self {
            street: address.street.as_deref(),
            locality: address.locality.as_deref(),
            region: address.region.as_deref(),
            postcode: address.postcode.as_deref(),
            country: address.country.as_deref(),
        }
    }
}

/// [`views::Provenance`], written from where it lies.
#[derive(Serialize)]
struct Provenance<'a> {
    system: &'a str,
    external_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<&'a str>,
}

impl<'a> From<&'a Source> for Provenance<'a> {
    fn from(source: &'a Source) -> Self {
        Self {
            system: &source.system,
            external_id: &source.external_id,
            licence: source.licence.as_deref(),
            attribution: source.attribution.as_deref(),
        }
    }
}

//! Page and card of a business, as templates.

use events::{Address, BusinessId, Point, Source};
use views::{Coordinates, Hole, PostalAddress, Provenance, Template, TemplateWriter, Tree};

use super::business::Business;

/// The template of a [`views::BusinessPage`], member by member in its order.
pub(super) fn page(id: BusinessId, business: &Business) -> Template<'static> {
    let writer = TemplateWriter::default()
        .member("id", &id.0)
        .member("slug", &business.slug)
        .member("name", &business.name)
        .member("status", &business.status)
        .optional("description", business.description.as_ref())
        .holes("categories", business.categories.iter().map(|category| Hole::Node(Tree::Category, *category)));
    let writer = match business.location {
        Some(location) => writer.hole("location", Hole::Place(location)),
        None => writer,
    };
    writer
        .optional("address", business.address.as_ref().map(postal_address).as_ref())
        .optional("point", business.point.map(coordinates).as_ref())
        .optional("time_zone", business.time_zone.as_ref())
        .optional("phone", business.phone.as_ref())
        .optional("email", business.email.as_ref())
        .optional("website", business.website.as_ref())
        .optional("opening_hours", business.opening_hours.as_ref())
        .member("attributes", &business.attributes)
        .optional("source", business.source.as_ref().map(provenance).as_ref())
        .member("registered_at", &business.registered_at.to_rfc3339())
        .member("updated_at", &business.updated_at.to_rfc3339())
        .member("version", &business.version.0)
        .finish(business.updated_at)
}

/// The template of a [`views::BusinessCard`]. Whatever it shows is compared in [`Business::has_card_of`].
pub(super) fn card(id: BusinessId, business: &Business) -> Template<'static> {
    let writer = TemplateWriter::default()
        .member("id", &id.0)
        .member("slug", &business.slug)
        .member("name", &business.name)
        .member("status", &business.status);
    let writer = match business.categories.first() {
        Some(primary) => writer.hole("category", Hole::Node(Tree::Category, *primary)),
        None => writer,
    };
    let writer = match business.location {
        Some(location) => writer.hole("location", Hole::Node(Tree::Location, location)),
        None => writer,
    };
    writer
        .optional("address", business.address.as_ref().map(postal_address).as_ref())
        .optional("point", business.point.map(coordinates).as_ref())
        .optional("attribution", business.source.as_ref().and_then(|source| source.attribution.as_ref()))
        .finish(business.card_updated_at)
}

fn postal_address(address: &Address) -> PostalAddress {
    PostalAddress {
        street: address.street.clone(),
        locality: address.locality.clone(),
        region: address.region.clone(),
        postcode: address.postcode.clone(),
        country: address.country.clone(),
    }
}

fn coordinates(point: Point) -> Coordinates {
    Coordinates { lat: point.lat, lon: point.lon }
}

fn provenance(source: &Source) -> Provenance {
    Provenance {
        system: source.system.clone(),
        external_id: source.external_id.clone(),
        licence: source.licence.clone(),
        attribution: source.attribution.clone(),
    }
}

//! Bodies of the commands about a business.
//!
//! Required members have a default that is invalid, so that their absence is told together with all other errors.

use events::{Address, Point, Source};
use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::limits;
use super::maps::{AttributeChanges, Attributes, object};

/// Enters a business into the directory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Moe's Tavern",
    "categories": ["bar", "restaurant"],
    "address": {"street": "57 Walnut Street", "locality": "Springfield", "region": "Illinois", "country": "US"},
    "point": {"lat": 39.78172, "lon": -89.65015},
    "phone": "+1 217 555 0113",
    "website": "https://moes.example/",
    "opening_hours": "Mo-Su 14:00-02:00",
    "attributes": {"outdoor_seating": "no"}
}))]
pub struct RegisterBusiness {
    /// The name it has in addresses; derived from the name when absent.
    #[garde(inner(custom(limits::slug)))]
    #[schema(min_length = 1, max_length = 80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Its name, 1 to 200 characters.
    #[garde(custom(limits::line(200)))]
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 200)]
    pub name: String,
    /// Free text, up to 5,000 characters.
    #[garde(inner(custom(limits::description)))]
    #[schema(min_length = 1, max_length = 5000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Slugs of its categories, 1 to 5.
    #[garde(custom(limits::categories))]
    #[serde(default)]
    #[schema(required, min_items = 1, max_items = 5)]
    pub categories: Vec<String>,
    /// The one it is known for, one of `categories`; the first when absent.
    #[garde(custom(limits::primary_category(&self.categories)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_category: Option<String>,
    /// Slug of the innermost location it lies in; found by point, else by address, when absent.
    #[garde(inner(custom(limits::tree_slug)))]
    #[schema(min_length = 1, max_length = 80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Postal address.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub address: Option<GivenAddress>,
    /// Coordinates.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub point: Option<GivenPoint>,
    /// IANA time zone; that of the point when absent.
    #[garde(inner(custom(limits::time_zone)))]
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Public phone number, up to 40 characters.
    #[garde(inner(custom(limits::line(40))))]
    #[schema(min_length = 1, max_length = 40)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Public e-mail address.
    #[garde(inner(custom(limits::e_mail)))]
    #[schema(min_length = 3, max_length = 254)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Website, http or https, up to 2,000 characters.
    #[garde(inner(custom(limits::website)))]
    #[schema(min_length = 8, max_length = 2000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Opening hours as OpenStreetMap writes them, up to 500 characters.
    #[garde(inner(custom(limits::opening_hours)))]
    #[schema(min_length = 1, max_length = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<String>,
    /// Further facts, key to text; up to 50.
    #[garde(dive)]
    #[serde(default)]
    pub attributes: Attributes,
    /// Where the data came from.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub source: Option<GivenSource>,
}

/// Changes details. Absent members stay as they are; `null` removes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"phone": "+1 217 555 0199", "website": null, "attributes": {"wifi": "yes"}}))]
pub struct ChangeBusinessDetails {
    /// New slug; the old one goes on to lead here.
    #[garde(inner(custom(limits::slug)))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schema(nullable = false, min_length = 1, max_length = 80)]
    pub slug: Option<String>,
    /// New name.
    #[garde(inner(custom(limits::line(200))))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "not_null")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// New description.
    #[garde(inner(inner(custom(limits::description))))]
    #[schema(min_length = 1, max_length = 5000)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub description: Option<Option<String>>,
    /// New phone number.
    #[garde(inner(inner(custom(limits::line(40)))))]
    #[schema(min_length = 1, max_length = 40)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub phone: Option<Option<String>>,
    /// New e-mail address.
    #[garde(inner(inner(custom(limits::e_mail))))]
    #[schema(min_length = 3, max_length = 254)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub email: Option<Option<String>>,
    /// New website.
    #[garde(inner(inner(custom(limits::website))))]
    #[schema(min_length = 8, max_length = 2000)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub website: Option<Option<String>>,
    /// New opening hours.
    #[garde(inner(inner(custom(limits::opening_hours))))]
    #[schema(min_length = 1, max_length = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub opening_hours: Option<Option<String>>,
    /// Attributes to set; `null` removes one.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "AttributeChanges::is_empty")]
    pub attributes: AttributeChanges,
}

/// The whole new place of a business.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"address": {"street": "742 Evergreen Terrace", "locality": "Springfield", "country": "US"}}))]
pub struct RelocateBusiness {
    /// Slug of the innermost location it lies in; found by point, else by address, when absent.
    #[garde(inner(custom(limits::tree_slug)))]
    #[schema(min_length = 1, max_length = 80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Postal address.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub address: Option<GivenAddress>,
    /// Coordinates.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub point: Option<GivenPoint>,
    /// IANA time zone; that of the point when absent.
    #[garde(inner(custom(limits::time_zone)))]
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// The whole new set of categories of a business.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"categories": ["restaurant", "bar"], "primary_category": "bar"}))]
pub struct RecategorizeBusiness {
    /// Slugs of its categories, 1 to 5.
    #[garde(custom(limits::categories))]
    #[serde(default)]
    #[schema(required, min_items = 1, max_items = 5)]
    pub categories: Vec<String>,
    /// The one it is known for, one of `categories`; the first when absent.
    #[garde(custom(limits::primary_category(&self.categories)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_category: Option<String>,
}

/// Closes a business for good.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "the owner retired"}))]
pub struct CloseBusiness {
    /// Why, for people, up to 500 characters.
    #[garde(inner(custom(limits::reason)))]
    #[schema(min_length = 1, max_length = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Takes a business out of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "never existed"}))]
pub struct RemoveBusiness {
    /// Why, for people, up to 500 characters.
    #[garde(custom(limits::reason))]
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 500)]
    pub reason: String,
}

/// A postal address. Every part may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenAddress {
    /// Street and number.
    #[garde(inner(custom(limits::line(200))))]
    #[schema(min_length = 1, max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City, town or village.
    #[garde(inner(custom(limits::locality)))]
    #[schema(min_length = 1, max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// State, province or county.
    #[garde(inner(custom(limits::line(200))))]
    #[schema(min_length = 1, max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[garde(inner(custom(limits::line(200))))]
    #[schema(min_length = 1, max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[garde(inner(custom(limits::country)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "US", pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
}

/// Coordinates, WGS 84, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenPoint {
    /// Latitude, -90 to 90.
    #[garde(custom(limits::latitude))]
    #[schema(example = 39.78172, minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Longitude, -180 to 180.
    #[garde(custom(limits::longitude))]
    #[schema(example = -89.65015, minimum = -180, maximum = 180)]
    pub lon: f64,
}

/// Where a business's data came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"system": "osm", "external_id": "node/240109189", "licence": "ODbL-1.0"}))]
pub struct GivenSource {
    /// The source system: lower-case letters, digits, `-`, `_`, `.`; up to 64.
    #[garde(custom(limits::source_system))]
    #[schema(pattern = "^[a-z0-9_.-]{1,64}$")]
    pub system: String,
    /// The id there, unique in the system, up to 255 bytes.
    #[garde(custom(limits::external_id))]
    #[schema(min_length = 1, max_length = 255)]
    pub external_id: String,
    /// SPDX licence id of the data.
    #[garde(inner(custom(limits::line(100))))]
    #[schema(min_length = 1, max_length = 100)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Text that must be shown where the licence asks for it.
    #[garde(inner(custom(limits::attribution)))]
    #[schema(min_length = 1, max_length = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

impl From<GivenAddress> for Address {
    fn from(given: GivenAddress) -> Self {
        let GivenAddress { street, locality, region, postcode, country } = given;
        Self { street, locality, region, postcode, country }
    }
}

impl From<Address> for GivenAddress {
    fn from(known: Address) -> Self {
        let Address { street, locality, region, postcode, country } = known;
        Self { street, locality, region, postcode, country }
    }
}

impl From<Point> for GivenPoint {
    fn from(known: Point) -> Self {
        Self { lat: known.lat, lon: known.lon }
    }
}

impl From<Source> for GivenSource {
    fn from(known: Source) -> Self {
        let Source { system, external_id, licence, attribution } = known;
        Self { system, external_id, licence, attribution }
    }
}

impl From<GivenPoint> for Point {
    fn from(given: GivenPoint) -> Self {
        Self { lat: given.lat, lon: given.lon }
    }
}

impl From<GivenSource> for Source {
    fn from(given: GivenSource) -> Self {
        let GivenSource { system, external_id, licence, attribution } = given;
        Self { system, external_id, licence, attribution }
    }
}

/// `null` is a value here (remove), absence is another.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What cannot be removed cannot be `null`.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

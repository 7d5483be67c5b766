//! The documents about a business, as readers get them.
//!
//! Rows hold them as [`crate::Template`]s; these types describe what the filled-in documents look like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether a business is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BusinessStatus {
    /// In business.
    Open,
    /// Closed for good; in no list.
    Closed,
}

/// A category or location by name, in the wanted locale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedNode {
    /// Its slug.
    #[schema(example = "pizza")]
    pub slug: String,
    /// Its name.
    #[schema(example = "Pizza")]
    pub name: String,
}

/// A location with everything around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacedNode {
    /// Its slug.
    #[schema(example = "us-il-springfield")]
    pub slug: String,
    /// Its name.
    #[schema(example = "Springfield")]
    pub name: String,
    /// The locations around it, from the outermost in.
    pub path: Vec<NamedNode>,
}

/// Postal address. Unknown parts are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostalAddress {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City, town or village.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// State, province or county.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Coordinates, WGS 84, degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Coordinates {
    /// Latitude.
    #[schema(example = 39.78172)]
    pub lat: f64,
    /// Longitude.
    #[schema(example = -89.65015)]
    pub lon: f64,
}

/// Where the data came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The source system.
    #[schema(example = "osm")]
    pub system: String,
    /// The id there.
    #[schema(example = "node/11248694")]
    pub external_id: String,
    /// SPDX licence id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Text that must be shown with the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

/// Everything about a business. Unknown facts are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessPage {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub status: BusinessStatus,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its categories, the primary one first.
    pub categories: Vec<NamedNode>,
    /// Where it is; absent when unlocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<PlacedNode>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
    /// Coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Coordinates>,
    /// IANA time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Website.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// OpenStreetMap `opening_hours` text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<String>,
    /// Further facts.
    pub attributes: BTreeMap<String, String>,
    /// Where the data came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Provenance>,
    /// When it entered the directory, RFC 3339.
    pub registered_at: String,
    /// When it last changed, RFC 3339.
    pub updated_at: String,
    /// Version of the aggregate, for `If-Match` on commands.
    pub version: u64,
    /// Whether it is open at the moment of the answer, by its hours and the clock of its time zone. Absent when one of
    /// them is unknown, and when the hours say that it depends. No row has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_now: Option<bool>,
    /// When that changes next, RFC 3339 with the offset of the place; absent when it does not for a year. No row has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-24T02:00:00-06:00")]
    pub next_change_at: Option<String>,
}

/// What a list shows of a business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessCard {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub status: BusinessStatus,
    /// The category it is known for.
    pub category: NamedNode,
    /// Where it is; absent when unlocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<NamedNode>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
    /// Coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Coordinates>,
    /// Text that must be shown with the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
}

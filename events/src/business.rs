//! Facts about a business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{BusinessId, CategoryId, LocationId};

/// A postal address. Every part may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub street: Option<String>,
    /// City, town or village.
    pub locality: Option<String>,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code.
    pub postcode: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
}

/// A place on the earth, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Latitude in degrees, -90 to 90.
    pub lat: f64,
    /// Longitude in degrees, -180 to 180.
    pub lon: f64,
}

/// Where a business's data came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The source system, for example `osm`.
    pub system: String,
    /// The id there, unique in the system.
    pub external_id: String,
    /// SPDX licence id of the data.
    pub licence: Option<String>,
    /// Text that must be shown where the licence asks for it.
    pub attribution: Option<String>,
}

/// A business entered the directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BusinessRegistered {
    /// The business.
    pub business_id: BusinessId,
    /// Its unique name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The category it is known for.
    pub primary_category: CategoryId,
    /// All of its categories, the primary one first; 1 to 5.
    pub categories: Vec<CategoryId>,
    /// The innermost location it lies in; absent when unlocated.
    pub location: Option<LocationId>,
    /// Postal address.
    pub address: Option<Address>,
    /// Coordinates.
    pub point: Option<Point>,
    /// IANA time zone, decided when the command was handled.
    pub time_zone: Option<String>,
    /// Public phone number.
    pub phone: Option<String>,
    /// Public e-mail address.
    pub email: Option<String>,
    /// Website, http or https.
    pub website: Option<String>,
    /// OpenStreetMap `opening_hours` text.
    pub opening_hours: Option<String>,
    /// Further facts, key to text.
    pub attributes: BTreeMap<String, String>,
    /// Where the data came from.
    pub source: Option<Source>,
}

/// A detail that can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailField {
    /// The description.
    Description,
    /// The phone number.
    Phone,
    /// The e-mail address.
    Email,
    /// The website.
    Website,
    /// The opening hours.
    OpeningHours,
}

/// Details changed. An absent field did not change; a removed one is named in `removed`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BusinessDetailsChanged {
    /// New slug; the old one goes on to lead here.
    pub slug: Option<String>,
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New phone number.
    pub phone: Option<String>,
    /// New e-mail address.
    pub email: Option<String>,
    /// New website.
    pub website: Option<String>,
    /// New opening hours.
    pub opening_hours: Option<String>,
    /// Attributes added or changed.
    pub attributes_set: BTreeMap<String, String>,
    /// Keys of attributes removed.
    pub attributes_removed: Vec<String>,
    /// Details removed.
    pub removed: Vec<DetailField>,
}

/// The business moved: the whole new place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct BusinessRelocated {
    /// Innermost location; absent when unlocated.
    pub location: Option<LocationId>,
    /// Postal address.
    pub address: Option<Address>,
    /// Coordinates.
    pub point: Option<Point>,
    /// IANA time zone.
    pub time_zone: Option<String>,
}

/// The whole new set of categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRecategorized {
    /// The category it is known for.
    pub primary_category: CategoryId,
    /// All categories, the primary one first; 1 to 5.
    pub categories: Vec<CategoryId>,
}

/// Closed for good: the page stays and says so, the business leaves every list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BusinessClosed {
    /// Why, for people.
    pub reason: Option<String>,
}

/// Taken out of the directory: the page answers 410.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessRemoved {
    /// Why, for people.
    pub reason: String,
}

//! Facts about the two trees: categories and locations. The id of a node is the id of its stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::business::Point;
use crate::ids::{CategoryId, LocationId};

/// BCP 47 language tag to name.
pub type Names = BTreeMap<String, String>;

/// A category was created, or its names were replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryDefined {
    /// Unique among categories.
    pub slug: String,
    /// The category above; absent at the top.
    pub parent: Option<CategoryId>,
    /// Its names; never empty.
    pub names: Names,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// A country.
    Country,
    /// First division of a country: state, province.
    Region,
    /// Second division.
    County,
    /// City, town or village.
    City,
    /// Part of a city.
    District,
}

/// A location was created, or its names, kind or point were replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationDefined {
    /// Unique among locations, for example `us-il-springfield`.
    pub slug: String,
    /// The location around it; absent at the top.
    pub parent: Option<LocationId>,
    /// What it is.
    pub kind: LocationKind,
    /// Its names; never empty.
    pub names: Names,
    /// Its centre.
    pub point: Option<Point>,
}

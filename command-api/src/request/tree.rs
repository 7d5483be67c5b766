//! Bodies of the commands about the two trees.

use events::LocationKind;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::business::GivenPoint;
use super::invalid::InvalidField;
use super::limits;
use super::maps::{LocalizedNames, object};

/// Creates a category or replaces its names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parent": "restaurant", "names": {"en": "Pizzeria", "de": "Pizzeria"}}))]
pub struct DefineCategory {
    /// Slug of the category above; absent at the top. Fixed once the category exists.
    #[garde(inner(custom(limits::tree_slug)))]
    #[schema(min_length = 1, max_length = 80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// BCP 47 language tag to name; 1 to 50.
    #[garde(dive)]
    #[serde(default)]
    #[schema(required)]
    pub names: LocalizedNames,
}

/// Creates a location or replaces its names, kind and point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parent": "us-il", "kind": "city", "names": {"en": "Springfield"}}))]
pub struct DefineLocation {
    /// Slug of the location around it; absent at the top. Fixed once the location exists.
    #[garde(inner(custom(limits::tree_slug)))]
    #[schema(min_length = 1, max_length = 80)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it is.
    #[garde(skip)]
    pub kind: GivenLocationKind,
    /// BCP 47 language tag to name; 1 to 50.
    #[garde(dive)]
    #[serde(default)]
    #[schema(required)]
    pub names: LocalizedNames,
    /// Its centre.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub point: Option<GivenPoint>,
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GivenLocationKind {
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

impl From<GivenLocationKind> for LocationKind {
    fn from(given: GivenLocationKind) -> Self {
        match given {
            GivenLocationKind::Country => Self::Country,
            GivenLocationKind::Region => Self::Region,
            GivenLocationKind::County => Self::County,
            GivenLocationKind::City => Self::City,
            GivenLocationKind::District => Self::District,
        }
    }
}

/// The slug of a node stands in the address, not in the body.
pub(super) fn invalid_definition(slug: &str, mut invalid: Vec<InvalidField>) -> Vec<InvalidField> {
    if let Err(error) = limits::tree_slug(slug, &()) {
        let mut field = InvalidField::from_message("", error.message());
        field.pointer = "{slug}".to_owned();
        invalid.push(field);
    }
    invalid
}

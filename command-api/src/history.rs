//! A business in the past, as it is shown: its state, and what one event changed in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::request::{GivenAddress, GivenPoint, GivenSource, pointer_of};

/// A business as its events left it. Members are as commands take them; unknown ones are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessState {
    /// Its id.
    pub id: Uuid,
    /// How many events it had, for `If-Match: "v<version>"`.
    #[schema(example = 3)]
    pub version: u64,
    /// `open`, `closed`, or `removed`.
    #[schema(example = "open")]
    pub status: String,
    /// Its name in addresses.
    #[schema(example = "moe-s-tavern")]
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Slugs of its categories, the primary one first.
    pub categories: Vec<String>,
    /// Slug of the innermost location it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<GivenAddress>,
    /// Coordinates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<GivenPoint>,
    /// IANA time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// OpenStreetMap `opening_hours` text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<String>,
    /// Further facts.
    pub attributes: BTreeMap<String, String>,
    /// Where the data came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<GivenSource>,
    /// When it entered the directory, RFC 3339.
    pub registered_at: String,
    /// When this state began, RFC 3339.
    pub updated_at: String,
}

/// One event of a business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// The version that the business had after it.
    pub version: u64,
    /// Its place in the order of everything.
    pub position: u64,
    /// What happened.
    #[schema(example = "BusinessDetailsChanged")]
    pub event: String,
    /// When it was recorded, RFC 3339; what `as_of` goes by.
    pub recorded_at: String,
    /// When it happened, as its author says.
    pub occurred_at: String,
    /// Who did it.
    pub actor: HistoryActor,
    /// The command that it came of.
    pub command_id: Uuid,
    /// Ties together all that one request caused; the request's `X-Request-Id` when that was a UUID.
    pub correlation_id: Uuid,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is different since.
    pub changes: Vec<FieldChange>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryActor {
    /// `admin`, `import`, or `system`.
    #[schema(example = "admin")]
    pub kind: String,
    /// Which one: the id of its key, or the name of a part of the program.
    #[schema(example = "1f2e3d4c")]
    pub id: String,
}

/// A field with its value before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// JSON pointer (RFC 6901) into the state.
    #[schema(example = "/phone")]
    pub field: String,
    /// What it was; `null` when it was not there.
    pub old: Value,
    /// What it is; `null` when it is gone.
    pub new: Value,
}

/// Values by their pointer.
pub(crate) type Facts = BTreeMap<String, Value>;

/// Objects whose members change one by one. A point is one value: half of it means nothing.
const TAKEN_APART: [&str; 2] = ["address", "attributes"];
/// Members that every event changes, and the id, which none does.
const NO_FACTS: [&str; 4] = ["id", "version", "registered_at", "updated_at"];

/// What a state says, value by value.
pub(crate) fn facts(state: &BusinessState) -> Facts {
    let document = serde_json::to_value(state).expect("a state holds only strings, finite numbers and maps");
    let Value::Object(members) = document else { return Facts::new() };
    let mut facts = Facts::new();
    for (name, value) in members {
        match value {
            _ if NO_FACTS.contains(&name.as_str()) => {}
            Value::Object(inner) if TAKEN_APART.contains(&name.as_str()) => {
                let pointer = |key: &str| pointer_of([name.as_str(), key].into_iter());
                facts.extend(inner.into_iter().map(|(key, value)| (pointer(&key), value)));
            }
            value => {
                facts.insert(pointer_of(std::iter::once(name.as_str())), value);
            }
        }
    }
    facts
}

/// What differs, by pointer.
pub(crate) fn changes(before: &Facts, after: &Facts) -> Vec<FieldChange> {
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    let value = |facts: &Facts, field: &String| facts.get(field).cloned().unwrap_or_default();
    fields
        .into_iter()
        .map(|field| FieldChange { field: field.clone(), old: value(before, field), new: value(after, field) })
        .filter(|change| change.old != change.new)
        .collect()
}

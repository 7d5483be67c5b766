//! Commands that leave a trace: each writes a number of its own into the event that it causes.

use std::fmt;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is found in events: this and twelve digits.
const MARK: &str = "mark:";
const DIGITS: usize = 12;

/// Slugs of the categories that there are, each with its parent.
pub(super) const CATEGORIES: [(&str, Option<&str>); 6] = [
    ("food", None),
    ("restaurant", Some("food")),
    ("pizzeria", Some("restaurant")),
    ("bakery", Some("food")),
    ("shop", None),
    ("bookshop", Some("shop")),
];

/// Slugs of the locations that there are, each with its parent and kind.
pub(super) const LOCATIONS: [(&str, Option<&str>, &str); 5] = [
    ("aa", None, "country"),
    ("aa-north", Some("aa"), "region"),
    ("aa-north-hill", Some("aa-north"), "city"),
    ("aa-south", Some("aa"), "region"),
    ("bb", None, "country"),
];

/// Names the effect of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(
    /// The number.
    pub u64,
);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{:0DIGITS$}", self.0)
    }
}

impl Mark {
    /// The mark in an event's payload: Avro writes text as it is.
    pub fn find(payload: &[u8]) -> Option<Self> {
        let start = payload.windows(MARK.len()).position(|bytes| bytes == MARK.as_bytes())? + MARK.len();
        let digits = std::str::from_utf8(payload.get(start..start + DIGITS)?).ok()?;
        digits.parse().ok().map(Self)
    }
}

/// A command as it is sent, and sent again when its answer was lost.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its trace. A change of categories leaves none: its position and version must do.
    pub mark: Mark,
    /// What it does.
    pub kind: Kind,
    /// The business; absent when it is only now registered.
    pub business: Option<Uuid>,
    /// The body.
    pub body: Value,
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Registers a business.
    Register,
    /// Changes its name and its attributes.
    Change,
    /// Says where it is.
    Relocate,
    /// Files it elsewhere.
    Recategorize,
    /// Closes it.
    Close,
    /// Removes it.
    Remove,
}

impl Kind {
    /// A command that a business in this state accepts.
    #[must_use]
    pub fn choose(rng: &mut ChaCha8Rng) -> Self {
        match rng.random_range(0..100) {
            0..40 => Self::Change,
            40..60 => Self::Relocate,
            60..75 => Self::Recategorize,
            75..90 => Self::Close,
            _ => Self::Remove,
        }
    }

    /// The type of the one event that it causes.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Register => "BusinessRegistered",
            Self::Change => "BusinessDetailsChanged",
            Self::Relocate => "BusinessRelocated",
            Self::Recategorize => "BusinessRecategorized",
            Self::Close => "BusinessClosed",
            Self::Remove => "BusinessRemoved",
        }
    }

    /// Whether the event carries the command's mark.
    pub fn leaves_mark(self) -> bool {
        self != Self::Recategorize
    }
}

impl Command {
    /// A business of a name that occurs again and again: slugs collide and must be told apart.
    pub fn register(mark: Mark, rng: &mut ChaCha8Rng) -> Self {
        let mut body = json!({
            "name": format!("Corner {}", rng.random_range(0..200)),
            "categories": [category(rng)],
            "attributes": {"mark": mark.to_string(), "popularity": rng.random_range(0..5000).to_string()},
        });
        if rng.random_bool(0.8) {
            body["location"] = json!(LOCATIONS[rng.random_range(0..LOCATIONS.len())].0);
        }
        Self { mark, kind: Kind::Register, business: None, body }
    }

    /// A command for a business; `turn` is another number each time, so that something changes.
    pub fn about(business: Uuid, kind: Kind, mark: Mark, turn: u64, rng: &mut ChaCha8Rng) -> Self {
        let body = match kind {
            Kind::Register => unreachable!("a business is registered once"),
            Kind::Change => json!({
                "name": format!("Corner {}", rng.random_range(0..200)),
                "attributes": {"mark": mark.to_string()},
            }),
            Kind::Relocate => json!({
                "location": LOCATIONS[rng.random_range(0..LOCATIONS.len())].0,
                "address": {"street": mark.to_string()},
            }),
            // Each turn has another set than the one before.
            Kind::Recategorize => {
                let first = CATEGORIES[turn as usize % CATEGORIES.len()].0;
                let second = CATEGORIES[(turn as usize + 1) % CATEGORIES.len()].0;
                json!({"categories": [first, second], "primary_category": second})
            }
            Kind::Close | Kind::Remove => json!({"reason": mark.to_string()}),
        };
        Self { mark, kind, business: Some(business), body }
    }

    /// Method and path.
    pub fn target(&self) -> (&'static str, String) {
        let Some(id) = self.business else { return ("POST", "/v1/businesses".to_owned()) };
        let verb = match self.kind {
            Kind::Register | Kind::Change => return ("PATCH", format!("/v1/businesses/{id}")),
            Kind::Relocate => "relocate",
            Kind::Recategorize => "recategorize",
            Kind::Close => "close",
            Kind::Remove => "remove",
        };
        ("POST", format!("/v1/businesses/{id}/{verb}"))
    }
}

fn category(rng: &mut ChaCha8Rng) -> &'static str {
    CATEGORIES[rng.random_range(0..CATEGORIES.len())].0
}

//! Whether a business is open now: added to its page on the way out, because rows do not know what time it is.
//!
//! Rows hold the text of the hours and the time zone. What the text means is remembered for as long as nothing changes, so
//! that most requests compare two times and no more.

use std::sync::Arc;

use hours::{Hours, Now, Place, PlacedHours, State};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use serde::Deserialize;
use uuid::Uuid;
use views::{BusinessStatus, Coordinates, Piece, Template, ViewError};
use xxhash_rust::xxh3::xxh3_128;

use crate::compose::write_json;

/// How the member with the hours begins; in a text its quotes are escaped.
const MEMBER: &str = r#""opening_hours":""#;

/// How far ahead the next change is looked for.
const DAYS_AHEAD: u16 = 366;

/// For so long it is remembered that there is no change ahead.
const REMEMBERED_WITHOUT_CHANGE: SignedDuration = SignedDuration::from_hours(24);

/// What a page says about its hours.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts {
    pub(crate) id: Uuid,
    pub(crate) status: BusinessStatus,
    pub(crate) opening_hours: Option<String>,
    pub(crate) time_zone: Option<String>,
    address: Option<FactsAddress>,
    point: Option<Coordinates>,
}

#[derive(Debug, Deserialize)]
struct FactsAddress {
    country: Option<String>,
}

impl Facts {
    /// Out of a finished page.
    fn of_document(body: &[u8]) -> Result<Self, ViewError> {
        serde_json::from_slice(body)
            .map_err(|error| ViewError::Corrupt { operation: "read a page's hours", reason: error.to_string() })
    }

    /// Out of a page whose names are not filled in.
    pub(crate) fn of_template(template: &Template<'_>) -> Result<Self, ViewError> {
        let json: String = template
            .pieces
            .iter()
            .map(|piece| if let Piece::Json(json) = piece { json.as_ref() } else { "null" })
            .collect();
        Self::of_document(json.as_bytes())
    }

    /// The time zone. One that this program does not know is as good as none.
    pub(crate) fn time_zone(&self) -> Option<TimeZone> {
        // The rules of zones come with the program: every process of the same version says the same.
        self.time_zone.as_deref().and_then(|name| TimeZoneDatabase::bundled().get(name).ok())
    }

    /// Where the hours hold.
    fn place(&self) -> Place {
        Place {
            time_zone: self.time_zone(),
            country: self.address.as_ref().and_then(|address| address.country.clone()),
            point: self.point.map(|point| (point.lat, point.lon)),
        }
    }

    /// All that [`Self::place`] and the text decide, as one text.
    fn key(&self) -> String {
        let country = self.address.as_ref().and_then(|address| address.country.as_deref());
        let text = self.opening_hours.as_deref().unwrap_or_default();
        let point = self.point.filter(|_| may_name_sun(text)).map(|point| format!("{} {}", point.lat, point.lon));
        [self.time_zone.as_deref(), country, point.as_deref(), Some(text)].map(Option::unwrap_or_default).join("\n")
    }
}

/// Most hours do not, and then it does not matter where in its country a place is.
fn may_name_sun(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["sunrise", "sunset", "dawn", "dusk"].iter().any(|event| text.contains(event))
}

/// Whether a page may have hours at all.
pub(crate) fn names_hours(template: &Template<'_>) -> bool {
    template.pieces.iter().any(|piece| matches!(piece, Piece::Json(json) if json.contains(MEMBER)))
}

/// What is remembered of hours at a place.
#[derive(Debug, Clone)]
struct Known {
    hours: Arc<PlacedHours>,
    now: Now,
    /// Until then it is certain.
    holds_until: Timestamp,
}

/// Opening hours that were asked for lately, evaluated.
pub(crate) struct Opening {
    /// By the hash of the row of a page: the same bytes say the same, in whatever generation of the views.
    pages: Cache<u128, Arc<Asked>>,
    /// By what decides them: many businesses have the same hours.
    known: Cache<String, Option<Known>>,
}

/// What a page says about its hours, and the name of that among what is known.
struct Asked {
    facts: Facts,
    key: String,
}

/// What is added to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenNow {
    /// Absent when it depends.
    pub(crate) open: Option<bool>,
    /// When that changes next.
    pub(crate) until: Option<Timestamp>,
    offset: jiff::tz::Offset,
}

impl Opening {
    /// Remembers the hours of so many places.
    pub(crate) fn new(remembered_max: usize) -> Self {
        Self { pages: Cache::new(remembered_max), known: Cache::new(remembered_max) }
    }

    /// Adds to a page, finished out of `row`, whether the business is open now. The result is what was added.
    pub(crate) fn add(&self, row: &[u8], body: &mut Vec<u8>, at: Timestamp) -> Result<Option<OpenNow>, ViewError> {
        let page = xxh3_128(row);
        let asked = match self.pages.get(&page) {
            Some(asked) => asked,
            None => {
                let facts = Facts::of_document(body)?;
                let asked = Arc::new(Asked { key: facts.key(), facts });
                self.pages.insert(page, asked.clone());
                asked
            }
        };
        let Some(now) = self.now(&asked, at) else { return Ok(None) };
        if body.pop() != Some(b'}') {
            return Err(ViewError::Corrupt { operation: "read a page's hours", reason: "no object".to_owned() });
        }
        if let Some(open) = now.open {
            body.extend_from_slice(br#","open_now":"#);
            write_json(body, &open);
        }
        if let Some(until) = now.until {
            body.extend_from_slice(br#","next_change_at":"#);
            write_json(body, &until.display_with_offset(now.offset).to_string());
        }
        body.push(b'}');
        Ok(Some(now))
    }

    /// `None` if nobody can say: there are no hours, or no time zone.
    fn now(&self, Asked { facts, key }: &Asked, at: Timestamp) -> Option<OpenNow> {
        facts.opening_hours.as_ref()?;
        if facts.status == BusinessStatus::Closed {
            return Some(OpenNow { open: Some(false), until: None, offset: jiff::tz::Offset::UTC });
        }
        let known = match self.known.get(key) {
            Some(Some(known)) if known.now.since <= at && at < known.holds_until => Some(known),
            Some(None) => None,
            Some(Some(outdated)) => self.remember(key, evaluated(outdated.hours, at)),
            None => self.remember(key, placed(facts).and_then(|hours| evaluated(Arc::new(hours), at))),
        }?;
        let Now { state, until, .. } = known.now;
        let open = match state {
            State::Open => Some(true),
            State::Closed => Some(false),
            State::Unknown => None,
        };
        let zone = known.hours.time_zone()?;
        Some(OpenNow { open, until, offset: zone.to_offset(until.unwrap_or(at)) })
    }

    fn remember(&self, key: &str, known: Option<Known>) -> Option<Known> {
        self.known.insert(key.to_owned(), known.clone());
        known
    }
}

/// The hours of a business where it is; `None` if it has none that can be read.
pub(crate) fn placed(facts: &Facts) -> Option<PlacedHours> {
    let hours = Hours::parse(facts.opening_hours.as_deref()?).ok()?;
    Some(PlacedHours::new(hours, facts.place()))
}

fn evaluated(hours: Arc<PlacedHours>, at: Timestamp) -> Option<Known> {
    let now = hours.now(at, DAYS_AHEAD)?;
    let holds_until = now.until.unwrap_or(at.saturating_add(REMEMBERED_WITHOUT_CHANGE).unwrap_or(Timestamp::MAX));
    Some(Known { hours, now, holds_until })
}

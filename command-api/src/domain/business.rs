//! A business: entered, changed, moved, closed, removed.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    ActorKind, Address, BusinessClosed, BusinessRecategorized, BusinessRegistered, BusinessRelocated, BusinessRemoved,
    CategoryId, Event, LocationId, Point, Source,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::details::{DetailsChange, MAX_ATTRIBUTES};

use super::{Aggregate, edits};

/// The most categories that a business has.
pub const MAX_CATEGORIES: usize = 5;

/// Whether a business is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Status {
    /// Never registered.
    #[default]
    Unknown,
    /// In business.
    Open,
    /// Closed for good.
    Closed,
    /// Taken out of the directory.
    Removed,
}

/// Where a business is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Innermost location.
    pub location: Option<LocationId>,
    /// Postal address.
    pub address: Option<Address>,
    /// Coordinates.
    pub point: Option<Point>,
    /// IANA time zone.
    pub time_zone: Option<String>,
}

/// All that decisions about a business rest on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// Whether it is there.
    pub status: Status,
    /// Its unique name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Its categories, the primary one first.
    pub categories: Vec<CategoryId>,
    /// Where it is.
    pub place: Place,
    /// Phone number.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Website.
    pub website: Option<String>,
    /// Opening hours.
    pub opening_hours: Option<String>,
    /// Further facts.
    pub attributes: BTreeMap<String, String>,
    /// Where the data came from.
    pub source: Option<Source>,
    /// The members that an admin was the last to change, as JSON pointers.
    pub edited: BTreeSet<String>,
    /// Whether it is closed because its source does not have it any more.
    pub gone: bool,
}

/// What can be asked of a business. Ids, slugs, places and time zones are settled by the handler beforehand.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Enter it, with the facts as they shall stand.
    Register(Box<BusinessRegistered>),
    /// Make the facts those of a source: register it, or change what differs. The slug of a known one stays.
    UpsertFromSource(Box<BusinessRegistered>),
    /// Change details.
    ChangeDetails(Box<DetailsChange>),
    /// Give it another place.
    Relocate(Box<Place>),
    /// Give it other categories, the primary one first.
    Recategorize(Vec<CategoryId>),
    /// Close it for good.
    Close {
        /// Why.
        reason: Option<String>,
    },
    /// Take it out of the directory.
    Remove {
        /// Why.
        reason: String,
    },
}

/// Why a command about a business is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejected {
    /// There is no such business.
    #[error("there is no such business")]
    NotFound,
    /// The business exists already.
    #[error("the business is registered already")]
    AlreadyRegistered,
    /// It is closed for good.
    #[error("the business is closed for good")]
    Closed,
    /// It was taken out of the directory.
    #[error("the business was removed from the directory")]
    Removed,
    /// It would have too many attributes.
    #[error("a business has at most {MAX_ATTRIBUTES} attributes, this would make {count}")]
    TooManyAttributes {
        /// How many it would have.
        count: usize,
    },
    /// Not one to five categories, each once.
    #[error("a business has 1 to {MAX_CATEGORIES} categories, each once")]
    CategoriesNotDistinct,
}

/// What happens when this is asked of a business in this state; nothing, when nothing would change.
pub fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejected> {
    match command {
        Command::Register(facts) => match state.status {
            Status::Unknown => register(*facts),
            _ => Err(Rejected::AlreadyRegistered),
        },
        Command::UpsertFromSource(facts) => match state.status {
            Status::Unknown => register(*facts),
            _ => {
                must_be_open(state)?;
                upsert(state, *facts)
            }
        },
        Command::ChangeDetails(change) => {
            must_be_open(state)?;
            Ok(change.against(state)?.into_iter().collect())
        }
        Command::Relocate(place) => {
            must_be_open(state)?;
            Ok(relocate(state, *place).into_iter().collect())
        }
        Command::Recategorize(categories) => {
            must_be_open(state)?;
            Ok(recategorize(state, categories)?.into_iter().collect())
        }
        Command::Close { reason } => match must_be_open(state) {
            // Closing what is closed asks for nothing new.
            Err(Rejected::Closed) => Ok(Vec::new()),
            Err(rejected) => Err(rejected),
            Ok(()) => Ok(vec![Event::BusinessClosed(BusinessClosed { reason })]),
        },
        Command::Remove { reason } => match must_be_open(state) {
            Ok(()) | Err(Rejected::Closed) => Ok(vec![Event::BusinessRemoved(BusinessRemoved { reason })]),
            Err(rejected) => Err(rejected),
        },
    }
}

fn must_be_open(state: &State) -> Result<(), Rejected> {
    match state.status {
        Status::Unknown => Err(Rejected::NotFound),
        Status::Open => Ok(()),
        Status::Closed => Err(Rejected::Closed),
        Status::Removed => Err(Rejected::Removed),
    }
}

fn register(facts: BusinessRegistered) -> Result<Vec<Event>, Rejected> {
    must_be_distinct(&facts.categories)?;
    if facts.attributes.len() > MAX_ATTRIBUTES {
        return Err(Rejected::TooManyAttributes { count: facts.attributes.len() });
    }
    Ok(vec![Event::BusinessRegistered(facts)])
}

/// Up to three events: what the source says and what the directory knows differ in details, categories and place.
fn upsert(state: &State, facts: BusinessRegistered) -> Result<Vec<Event>, Rejected> {
    let place = Place {
        location: facts.location,
        address: facts.address.clone(),
        point: facts.point,
        time_zone: facts.time_zone.clone(),
    };
    let categories = facts.categories.clone();
    let details = DetailsChange::towards(state, facts).against(state)?;
    let recategorized = recategorize(state, categories)?;
    Ok(details.into_iter().chain(recategorized).chain(relocate(state, place)).collect())
}

fn relocate(state: &State, place: Place) -> Option<Event> {
    let differs = state.place != place;
    let Place { location, address, point, time_zone } = place;
    differs.then_some(Event::BusinessRelocated(BusinessRelocated { location, address, point, time_zone }))
}

fn recategorize(state: &State, categories: Vec<CategoryId>) -> Result<Option<Event>, Rejected> {
    let primary_category = must_be_distinct(&categories)?;
    Ok((state.categories != categories)
        .then_some(Event::BusinessRecategorized(BusinessRecategorized { primary_category, categories })))
}

/// The primary one of them.
fn must_be_distinct(categories: &[CategoryId]) -> Result<CategoryId, Rejected> {
    let distinct = categories.iter().collect::<BTreeSet<_>>().len() == categories.len();
    match categories.first() {
        Some(primary) if distinct && categories.len() <= MAX_CATEGORIES => Ok(*primary),
        _ => Err(Rejected::CategoriesNotDistinct),
    }
}

/// The state after one more event.
#[must_use]
pub fn evolve(state: State, event: &Event) -> State {
    match event {
        Event::BusinessRegistered(facts) => registered(facts.clone()),
        Event::BusinessDetailsChanged(change) => super::details::changed(state, change),
        Event::BusinessRelocated(BusinessRelocated { location, address, point, time_zone }) => State {
            place: Place { location: *location, address: address.clone(), point: *point, time_zone: time_zone.clone() },
            ..state
        },
        Event::BusinessRecategorized(change) => State { categories: change.categories.clone(), ..state },
        Event::BusinessClosed(_) => State { status: Status::Closed, ..state },
        Event::BusinessRemoved(_) => State { status: Status::Removed, ..state },
        Event::CategoryDefined(_) | Event::LocationDefined(_) | Event::ParkedEventSkipped(_) => state,
    }
}

fn registered(facts: BusinessRegistered) -> State {
    State {
        status: Status::Open,
        slug: facts.slug,
        name: facts.name,
        description: facts.description,
        categories: facts.categories,
        place: Place {
            location: facts.location,
            address: facts.address,
            point: facts.point,
            time_zone: facts.time_zone,
        },
        phone: facts.phone,
        email: facts.email,
        website: facts.website,
        opening_hours: facts.opening_hours,
        attributes: facts.attributes,
        source: facts.source,
        edited: BTreeSet::new(),
        gone: false,
    }
}

impl Aggregate for State {
    const SNAPSHOT_FORMAT: u32 = 2;

    fn evolve(self, event: &Event) -> Self {
        evolve(self, event)
    }

    fn caused(self, event: &Event, by: ActorKind) -> Self {
        let members = if by == ActorKind::Admin || !self.edited.is_empty() {
            edits::members_of(&self, event)
        } else {
            Vec::new()
        };
        let mut state = evolve(self, event);
        edits::note(&mut state, members, by);
        if matches!(event, Event::BusinessClosed(_)) {
            state.gone = by == ActorKind::Import;
        }
        state
    }

    fn slug(&self) -> &str {
        &self.slug
    }
}

#[cfg(test)]
#[path = "business_tests.rs"]
mod tests;

//! Details of a business: what is asked, against what is known.

use std::collections::BTreeMap;

use events::{BusinessDetailsChanged, BusinessRegistered, DetailField, Event};

use super::business::{Rejected, State};

/// The most attributes that a business has.
pub const MAX_ATTRIBUTES: usize = 50;

/// Details as they shall be. Absent: leave it; `Some(None)`: remove it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetailsChange {
    /// The slug.
    pub slug: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<Option<String>>,
    /// The phone number.
    pub phone: Option<Option<String>>,
    /// The e-mail address.
    pub email: Option<Option<String>>,
    /// The website.
    pub website: Option<Option<String>>,
    /// The opening hours.
    pub opening_hours: Option<Option<String>>,
    /// Attributes by key; `None` removes one.
    pub attributes: BTreeMap<String, Option<String>>,
}

impl DetailsChange {
    /// What makes the details those of the facts, except the slug: it is an address, and addresses stay.
    pub(super) fn towards(state: &State, facts: BusinessRegistered) -> Self {
        let gone = state.attributes.keys().filter(|key| !facts.attributes.contains_key(*key));
        let gone: Vec<_> = gone.map(|key| (key.clone(), None)).collect();
        Self {
            slug: None,
            name: Some(facts.name),
            description: Some(facts.description),
            phone: Some(facts.phone),
            email: Some(facts.email),
            website: Some(facts.website),
            opening_hours: Some(facts.opening_hours),
            attributes: facts.attributes.into_iter().map(|(key, value)| (key, Some(value))).chain(gone).collect(),
        }
    }

    /// The event of what differs, if anything does.
    pub(super) fn against(self, state: &State) -> Result<Option<Event>, Rejected> {
        let mut event = BusinessDetailsChanged {
            slug: self.slug.filter(|slug| *slug != state.slug),
            name: self.name.filter(|name| *name != state.name),
            ..BusinessDetailsChanged::default()
        };
        let mut difference = |field, asked: Option<Option<String>>, known: &Option<String>| match asked {
            Some(asked) if asked != *known => {
                if asked.is_none() {
                    event.removed.push(field);
                }
                asked
            }
            _ => None,
        };
        let description = difference(DetailField::Description, self.description, &state.description);
        let phone = difference(DetailField::Phone, self.phone, &state.phone);
        let email = difference(DetailField::Email, self.email, &state.email);
        let website = difference(DetailField::Website, self.website, &state.website);
        let opening_hours = difference(DetailField::OpeningHours, self.opening_hours, &state.opening_hours);
        event = BusinessDetailsChanged { description, phone, email, website, opening_hours, ..event };
        for (key, value) in self.attributes {
            match value {
                Some(value) if state.attributes.get(&key) != Some(&value) => {
                    event.attributes_set.insert(key, value);
                }
                None if state.attributes.contains_key(&key) => event.attributes_removed.push(key),
                _ => {}
            }
        }
        if event == BusinessDetailsChanged::default() {
            return Ok(None);
        }
        let count = attributes_after(state, &event).len();
        if count > MAX_ATTRIBUTES {
            return Err(Rejected::TooManyAttributes { count });
        }
        Ok(Some(Event::BusinessDetailsChanged(event)))
    }
}

fn attributes_after(state: &State, change: &BusinessDetailsChanged) -> BTreeMap<String, String> {
    let mut attributes = state.attributes.clone();
    attributes.retain(|key, _| !change.attributes_removed.contains(key));
    attributes.extend(change.attributes_set.clone());
    attributes
}

/// The state after the change.
pub(super) fn changed(state: State, change: &BusinessDetailsChanged) -> State {
    let attributes = attributes_after(&state, change);
    let detail = |field, new: &Option<String>, known: Option<String>| match new {
        _ if change.removed.contains(&field) => None,
        Some(new) => Some(new.clone()),
        None => known,
    };
    State {
        slug: change.slug.clone().unwrap_or(state.slug),
        name: change.name.clone().unwrap_or(state.name),
        description: detail(DetailField::Description, &change.description, state.description),
        phone: detail(DetailField::Phone, &change.phone, state.phone),
        email: detail(DetailField::Email, &change.email, state.email),
        website: detail(DetailField::Website, &change.website, state.website),
        opening_hours: detail(DetailField::OpeningHours, &change.opening_hours, state.opening_hours),
        attributes,
        ..state
    }
}

//! Which members of a business an admin changed: what a source says later does not overwrite them.
//!
//! It follows from the events and from who caused them: the last to change a member has it.

use events::{ActorKind, Address, BusinessRegistered, DetailField, Event};

use super::business::{Place, State};

/// The members that an event changes, as JSON pointers.
pub fn members_of(before: &State, event: &Event) -> Vec<String> {
    let mut members = Vec::new();
    let mut changed = |differs: bool, member: &str| {
        if differs {
            members.push(member.to_owned());
        }
    };
    match event {
        Event::BusinessDetailsChanged(change) => {
            let is = |value: &Option<String>, field| value.is_some() || change.removed.contains(&field);
            changed(change.name.is_some(), "/name");
            changed(is(&change.description, DetailField::Description), "/description");
            changed(is(&change.phone, DetailField::Phone), "/phone");
            changed(is(&change.email, DetailField::Email), "/email");
            changed(is(&change.website, DetailField::Website), "/website");
            changed(is(&change.opening_hours, DetailField::OpeningHours), "/opening_hours");
            for key in change.attributes_set.keys().chain(&change.attributes_removed) {
                changed(true, &format!("/attributes/{key}"));
            }
        }
        Event::BusinessRelocated(place) => {
            let known = &before.place;
            changed(place.location != known.location, "/location");
            changed(place.point != known.point, "/point");
            changed(place.time_zone != known.time_zone, "/time_zone");
            let (new, old) = (parts(place.address.as_ref()), parts(known.address.as_ref()));
            for ((member, new), (_, old)) in new.into_iter().zip(old) {
                changed(new != old, member);
            }
        }
        Event::BusinessRecategorized(_) => changed(true, "/categories"),
        _ => {}
    }
    members
}

/// Takes down who has the members that an event changed.
pub(super) fn note(state: &mut State, members: Vec<String>, by: ActorKind) {
    for member in members {
        match by {
            ActorKind::Admin => state.edited.insert(member),
            ActorKind::Import | ActorKind::System => state.edited.remove(&member),
        };
    }
}

/// Puts what an admin changed into the facts of a source; what it says otherwise is returned.
pub fn keep_edits(state: &State, facts: &mut BusinessRegistered) -> Vec<String> {
    state.edited.iter().filter(|member| keep(state, facts, member)).cloned().collect()
}

/// Whether the source said otherwise.
fn keep(state: &State, facts: &mut BusinessRegistered, member: &str) -> bool {
    fn put<T: Clone + PartialEq>(fact: &mut T, known: &T) -> bool {
        let differs = fact != known;
        if differs {
            fact.clone_from(known);
        }
        differs
    }
    let Place { location, address, point, time_zone } = &state.place;
    if let Some(key) = member.strip_prefix("/attributes/") {
        let known = state.attributes.get(key);
        let differs = facts.attributes.get(key) != known;
        match known {
            Some(known) => drop(facts.attributes.insert(key.to_owned(), known.clone())),
            None => drop(facts.attributes.remove(key)),
        }
        return differs;
    }
    if member.starts_with("/address/") {
        let known = parts(address.as_ref()).into_iter().find(|(part, _)| *part == member);
        let mut given = facts.address.take().unwrap_or_default();
        let part = match member {
            "/address/street" => &mut given.street,
            "/address/locality" => &mut given.locality,
            "/address/region" => &mut given.region,
            "/address/postcode" => &mut given.postcode,
            _ => &mut given.country,
        };
        let differs = put(part, &known.and_then(|(_, value)| value.map(str::to_owned)));
        facts.address = (given != Address::default()).then_some(given);
        return differs;
    }
    match member {
        "/name" => put(&mut facts.name, &state.name),
        "/description" => put(&mut facts.description, &state.description),
        "/phone" => put(&mut facts.phone, &state.phone),
        "/email" => put(&mut facts.email, &state.email),
        "/website" => put(&mut facts.website, &state.website),
        "/opening_hours" => put(&mut facts.opening_hours, &state.opening_hours),
        "/categories" => put(&mut facts.categories, &state.categories),
        "/location" => put(&mut facts.location, location),
        "/point" => put(&mut facts.point, point),
        "/time_zone" => put(&mut facts.time_zone, time_zone),
        _ => false,
    }
}

/// The parts of an address by their members.
pub(crate) fn parts(address: Option<&Address>) -> [(&'static str, Option<&str>); 5] {
    let part = |part: fn(&Address) -> &Option<String>| address.and_then(|address| part(address).as_deref());
    [
        ("/address/street", part(|address| &address.street)),
        ("/address/locality", part(|address| &address.locality)),
        ("/address/region", part(|address| &address.region)),
        ("/address/postcode", part(|address| &address.postcode)),
        ("/address/country", part(|address| &address.country)),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use events::{BusinessDetailsChanged, BusinessRelocated, Point};

    use super::*;
    use crate::domain::Aggregate;

    fn details(change: BusinessDetailsChanged) -> Event {
        Event::BusinessDetailsChanged(change)
    }

    fn facts() -> BusinessRegistered {
        let id = uuid::Uuid::from_u128(1);
        let category = events::CategoryId::from_slug("bar");
        BusinessRegistered {
            business_id: events::BusinessId(id),
            slug: "moe-s".to_owned(),
            name: "Moe's".to_owned(),
            description: None,
            primary_category: category,
            categories: vec![category],
            location: None,
            address: Some(Address { street: Some("57 Walnut Street".to_owned()), ..Address::default() }),
            point: Some(Point { lat: 39.78, lon: -89.65 }),
            time_zone: None,
            phone: Some("1".to_owned()),
            email: None,
            website: None,
            opening_hours: None,
            attributes: [("wifi".to_owned(), "no".to_owned()), ("darts".to_owned(), "yes".to_owned())].into(),
            source: None,
        }
    }

    fn after(events: &[(Event, ActorKind)]) -> State {
        let registered = State::default().caused(&Event::BusinessRegistered(facts()), ActorKind::Import);
        events.iter().fold(registered, |state, (event, by)| state.caused(event, *by))
    }

    #[test]
    fn what_an_admin_changed_last_is_kept_and_told_where_the_source_says_otherwise() {
        let phone = |phone: &str| BusinessDetailsChanged { phone: Some(phone.to_owned()), ..Default::default() };
        let edited = BusinessDetailsChanged {
            attributes_set: [("wifi".to_owned(), "yes".to_owned())].into(),
            attributes_removed: vec!["darts".to_owned()],
            ..phone("2")
        };
        let moved = BusinessRelocated {
            address: Some(Address { street: Some("Main".to_owned()), ..Address::default() }),
            point: facts().point,
            ..Default::default()
        };
        let state = after(&[(details(edited), ActorKind::Admin), (Event::BusinessRelocated(moved), ActorKind::Admin)]);
        let mut told = BusinessRegistered { name: "Flaming Moe's".to_owned(), ..facts() };
        let kept = keep_edits(&state, &mut told);
        assert_eq!(kept, ["/address/street", "/attributes/darts", "/attributes/wifi", "/phone"]);
        assert_eq!((told.name.as_str(), told.phone.as_deref()), ("Flaming Moe's", Some("2")));
        assert_eq!(told.attributes, [("wifi".to_owned(), "yes".to_owned())].into());
        assert_eq!(told.address.unwrap().street.as_deref(), Some("Main"));

        let same = &mut BusinessRegistered { phone: Some("2".to_owned()), ..facts() };
        let state = after(&[(details(phone("2")), ActorKind::Admin)]);
        assert_eq!(keep_edits(&state, same), [""; 0], "it says the same");
        let state = after(&[(details(phone("2")), ActorKind::Admin), (details(phone("3")), ActorKind::Import)]);
        assert_eq!(keep_edits(&state, &mut facts()), [""; 0], "the source was the last to change it");
    }
}

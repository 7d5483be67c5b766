//! The past of a business: what the naive directory remembers of it, and what the real one says about it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use command_api::{BusinessHistory, BusinessState, Command, FieldChange, HistoryActor, HistoryEntry};
use events::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

use crate::compare::{Comparison, encode};
use crate::directory::{Business, Status};

/// Moments of each business that are asked for in one comparison.
const MOMENTS: usize = 4;

/// A business after one of its events.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) business: Business,
    event: &'static str,
    reason: Option<String>,
}

/// Takes over a part of the second.
type Take = fn(&mut Business, &Business);

/// What one command made of a business, event by event: details, then categories, then place, then whether it is there.
pub(crate) fn moments(known: Option<&Business>, new: &Business, command: &Command) -> Vec<Moment> {
    let reason = match command {
        Command::CloseBusiness(_, body) => body.reason.clone(),
        Command::RemoveBusiness(_, body) => Some(body.reason.clone()),
        _ => None,
    };
    let Some(known) = known else {
        return vec![Moment { business: new.clone(), event: "BusinessRegistered", reason: None }];
    };
    let steps: [(&str, Take); 4] = [
        ("BusinessDetailsChanged", |business, new| {
            let Business { categories, place, status, .. } = business.clone();
            *business = Business { categories, place, status, ..new.clone() };
        }),
        ("BusinessRecategorized", |business, new| business.categories.clone_from(&new.categories)),
        ("BusinessRelocated", |business, new| business.place.clone_from(&new.place)),
        (if new.status == Status::Removed { "BusinessRemoved" } else { "BusinessClosed" }, |business, new| {
            business.status = new.status;
        }),
    ];
    let mut moments: Vec<Moment> = Vec::new();
    let mut current = known.clone();
    for (event, take) in steps {
        let before = said(&current);
        take(&mut current, new);
        if said(&current) != before {
            let version = known.version + moments.len() as u64 + 1;
            let position = new.position - (new.version - version);
            let business = Business { version, position, updated_at: new.updated_at, ..current.clone() };
            moments.push(Moment { business, event, reason: reason.clone() });
        }
    }
    moments
}

fn status(business: &Business) -> &'static str {
    match business.status {
        Status::Open => "open",
        Status::Closed => "closed",
        Status::Removed => "removed",
    }
}

/// All that is said about a business, value by value.
fn said(b: &Business) -> BTreeMap<String, Value> {
    let mut said = BTreeMap::from([
        ("/slug".to_owned(), json!(b.slug)),
        ("/name".to_owned(), json!(b.name)),
        ("/status".to_owned(), json!(status(b))),
        ("/categories".to_owned(), json!(b.categories)),
    ]);
    let address = b.place.address.clone().unwrap_or_default();
    let maybe = [
        ("/description", &b.description),
        ("/phone", &b.phone),
        ("/email", &b.email),
        ("/website", &b.website),
        ("/opening_hours", &b.opening_hours),
        ("/location", &b.place.location),
        ("/time_zone", &b.place.time_zone),
        ("/address/street", &address.street),
        ("/address/locality", &address.locality),
        ("/address/region", &address.region),
        ("/address/postcode", &address.postcode),
        ("/address/country", &address.country),
    ];
    said.extend(maybe.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value.as_ref()?)))));
    said.extend(b.attributes.iter().map(|(key, value)| (format!("/attributes/{key}"), json!(value))));
    if let Some(point) = b.place.point {
        said.insert("/point".to_owned(), json!({"lat": point.lat, "lon": point.lon}));
    }
    if let Some(source) = &b.source {
        let mut value = json!({"system": source.system, "external_id": source.external_id});
        for (name, text) in [("licence", &source.licence), ("attribution", &source.attribution)] {
            if let Some(text) = text {
                value[name] = json!(text);
            }
        }
        said.insert("/source".to_owned(), value);
    }
    said
}

fn changes(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<FieldChange> {
    let mut fields: BTreeMap<&String, (Value, Value)> = BTreeMap::new();
    for (field, value) in before {
        fields.entry(field).or_default().0 = value.clone();
    }
    for (field, value) in after {
        fields.entry(field).or_default().1 = value.clone();
    }
    let differing = fields.into_iter().filter(|(_, (old, new))| old != new);
    differing.map(|(field, (old, new))| FieldChange { field: field.clone(), old, new }).collect()
}

fn state(b: &Business) -> BusinessState {
    let b = b.clone();
    BusinessState {
        id: b.id,
        version: b.version,
        status: status(&b).to_owned(),
        slug: b.slug,
        name: b.name,
        description: b.description,
        categories: b.categories,
        location: b.place.location,
        address: b.place.address.map(Into::into),
        point: b.place.point.map(Into::into),
        time_zone: b.place.time_zone,
        phone: b.phone,
        email: b.email,
        website: b.website,
        opening_hours: b.opening_hours,
        attributes: b.attributes,
        source: b.source.map(Into::into),
        registered_at: b.registered_at.to_rfc3339(),
        updated_at: b.updated_at.to_rfc3339(),
    }
}

impl Comparison<'_> {
    /// Walks the whole history of a business, and asks what it was at some moments.
    pub(crate) async fn past(&mut self, index: usize) {
        let moments = &self.directory.past[index];
        let newest = &self.directory.businesses[index];
        let names: Vec<String> =
            newest.old_slugs.iter().chain([&newest.slug]).cloned().chain([newest.id.to_string()]).collect();
        let path = format!("/v1/businesses/{}", encode(&names[self.rng.random_range(0..names.len())]));
        let mut found: Vec<HistoryEntry> = Vec::new();
        let mut cursor = String::new();
        loop {
            let limit = self.rng.random_range(1..=5);
            let page = self.world.ask(&format!("{path}/history?limit={limit}{cursor}")).await;
            let page: BusinessHistory = page.document();
            assert_eq!(page.id, newest.id, "{path}");
            found.extend(page.data);
            assert_eq!(page.page.has_more, page.page.next_cursor.is_some());
            let Some(next) = page.page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        found.reverse();
        let mut before = BTreeMap::new();
        assert_eq!(found.len(), moments.len(), "{path}: {found:?}");
        for (entry, moment) in found.iter().zip(moments) {
            let after = said(&moment.business);
            let expected = HistoryEntry {
                version: moment.business.version,
                position: moment.business.position,
                event: moment.event.to_owned(),
                recorded_at: moment.business.updated_at.to_rfc3339(),
                actor: HistoryActor { kind: "admin".to_owned(), id: "model".to_owned() },
                reason: moment.reason.clone(),
                changes: changes(&before, &after),
                // Of the command's making, and different in every run.
                occurred_at: entry.occurred_at.clone(),
                command_id: entry.command_id,
                correlation_id: entry.correlation_id,
            };
            assert_eq!(*entry, expected, "{path}");
            before = after;
        }
        for _ in 0..MOMENTS {
            let version = self.rng.random_range(1..=moments.len());
            self.moment(&path, &version.to_string(), Some(&moments[version - 1])).await;
            let at = moments[version - 1].business.updated_at;
            for time in [at.0 - 1, at.0, at.0 + 1] {
                // Not what may still be: the newest event is some time ago, the clock moves on.
                let then = moments.iter().rev().find(|moment| moment.business.updated_at.0 <= time);
                self.moment(&path, &Timestamp(time).to_rfc3339(), then).await;
            }
        }
        let beyond = self.world.ask(&format!("{path}/state?as_of={}", moments.len() + 1)).await;
        assert_eq!(beyond.status, StatusCode::NOT_FOUND, "{path}: {}", beyond.text());
        let now = self.world.ask(&format!("{path}/state")).await;
        match newest.status {
            Status::Removed => assert_eq!(now.status, StatusCode::GONE, "{path}"),
            Status::Open | Status::Closed => assert_eq!(now.document::<BusinessState>(), state(newest), "{path}"),
        }
    }

    async fn moment(&self, path: &str, as_of: &str, expected: Option<&Moment>) {
        let path = format!("{path}/state?as_of={as_of}");
        let answer = self.world.ask(&path).await;
        match expected.map(|moment| &moment.business) {
            None => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text()),
            Some(business) if business.status == Status::Removed => {
                assert_eq!(answer.status, StatusCode::GONE, "{path}: {}", answer.text());
            }
            Some(business) => assert_eq!(answer.document::<BusinessState>(), state(business), "{path}"),
        }
    }
}

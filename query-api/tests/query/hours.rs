//! What is open now, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use jiff::Timestamp;
use query_api::{BusinessHours, HolidayKnowledge, IntervalState, QueryOptions};
use serde_json::{Value, json};
use views::{BusinessPage, BusinessStatus, Hole, ReferenceRow, RowKey, TemplateWriter, Tree};

use crate::views_in_memory::Memory;
use crate::world::{AT, Answer, PIZZA, SPRINGFIELD, api, business, get, id, options, send};

/// Monday noon in London.
const NOON: &str = "2026-11-23T12:00:00Z";

/// A clock that stands still until it is set.
#[derive(Clone)]
struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    fn at(time: &str) -> Self {
        Self(Arc::new(Mutex::new(time.parse().unwrap())))
    }

    fn set(&self, time: &str) {
        *self.0.lock().unwrap() = time.parse().unwrap();
    }

    fn options(&self) -> QueryOptions {
        let clock = self.clone();
        QueryOptions { clock: Arc::new(move || *clock.0.lock().unwrap()), ..options() }
    }
}

/// A business `b-<number>` with these members, in the order in which a fold writes them.
fn put(memory: &Memory, number: u64, members: &Value) {
    let ordinal = business(number);
    let reference = ReferenceRow::Business(ordinal).to_body();
    memory.put(&RowKey::Reference(id(number).to_string()), ordinal.0, reference.clone());
    memory.put(&RowKey::Reference(format!("b-{number}")), ordinal.0, reference);
    let slug = format!("b-{number}");
    let open = json!(BusinessStatus::Open);
    let mut writer = TemplateWriter::default();
    let begin = |writer: &mut TemplateWriter| {
        writer
            .member("id", &id(number))
            .member("slug", &slug)
            .member("name", "The \"opening_hours\":\"24/7\"")
            .member("status", members.get("status").unwrap_or(&open));
    };
    begin(&mut writer);
    writer.holes("categories", [Hole::Node(Tree::Category, PIZZA)]).hole("location", Hole::Place(SPRINGFIELD));
    for name in ["address", "point", "time_zone", "opening_hours"] {
        writer.optional(name, members.get(name));
    }
    let page = writer
        .member("attributes", members.get("attributes").unwrap_or(&json!(BTreeMap::<String, String>::new())))
        .member("registered_at", &AT.to_rfc3339())
        .member("updated_at", &AT.to_rfc3339())
        .member("version", &3)
        .finish(AT);
    memory.put(&RowKey::Page(ordinal), ordinal.0, page);
    begin(&mut writer);
    let card = writer.hole("category", Hole::Node(Tree::Category, PIZZA)).finish(AT);
    memory.put(&RowKey::Card(ordinal), ordinal.0, card);
}

fn world(members: &Value, clock: &Clock) -> Router {
    let memory = Memory::world();
    put(&memory, 2, members);
    api(memory, clock.options())
}

fn now(answer: &Answer) -> (Option<bool>, Option<String>) {
    let page: BusinessPage = answer.json();
    (page.open_now, page.next_change_at)
}

fn is(open: Option<bool>, until: &str) -> (Option<bool>, Option<String>) {
    (open, (!until.is_empty()).then(|| until.to_owned()))
}

#[tokio::test]
async fn a_page_says_whether_it_is_open_and_until_when() {
    let clock = Clock::at(NOON);
    for (members, expected) in [
        (
            json!({"time_zone": "Europe/Berlin", "opening_hours": "Mo-Fr 09:00-17:00"}),
            is(Some(true), "2026-11-23T17:00:00+01:00"),
        ),
        (
            json!({"time_zone": "America/Chicago", "opening_hours": "Mo-Fr 09:00-17:00"}),
            is(Some(false), "2026-11-23T09:00:00-06:00"),
        ),
        // The offset is the one that holds then.
        (
            json!({"time_zone": "Europe/Berlin", "opening_hours": "2027 Apr 1 10:00-12:00"}),
            is(Some(false), "2027-04-01T10:00:00+02:00"),
        ),
        (json!({"time_zone": "Europe/Berlin", "opening_hours": "24/7"}), is(Some(true), "")),
        (json!({"time_zone": "Europe/Berlin", "opening_hours": "off"}), is(Some(false), "")),
        (json!({"time_zone": "Europe/Berlin", "opening_hours": "Mo \"ring\""}), is(None, "2026-11-24T00:00:00+01:00")),
        // Thanksgiving comes on Thursday.
        (
            json!({"time_zone": "America/Chicago", "opening_hours": "24/7; PH off", "address": {"country": "US"}}),
            is(Some(true), "2026-11-26T00:00:00-06:00"),
        ),
        (json!({"time_zone": "America/Chicago", "opening_hours": "24/7; PH off"}), is(Some(true), "")),
        // By the equations of NOAA it sets at 16:04:50.
        (
            json!({"time_zone": "Europe/Berlin", "opening_hours": "sunrise-sunset", "point": {"lat": 52.5, "lon": 13.4}}),
            is(Some(true), "2026-11-23T16:04:00+01:00"),
        ),
        (json!({"status": "closed", "time_zone": "Europe/Berlin", "opening_hours": "24/7"}), is(Some(false), "")),
        // Nobody can say.
        (json!({"time_zone": "Europe/Berlin"}), is(None, "")),
        (json!({"opening_hours": "24/7"}), is(None, "")),
        (json!({"time_zone": "Europe/Nowhere", "opening_hours": "24/7"}), is(None, "")),
        (json!({"time_zone": "Europe/Berlin", "opening_hours": "9 bis 17 Uhr"}), is(None, "")),
        (json!({"time_zone": "Europe/Berlin", "attributes": {"opening_hours": "24/7"}}), is(None, "")),
        (json!({"status": "closed", "attributes": {"opening_hours": "24/7"}}), is(None, "")),
    ] {
        let api = world(&members, &clock);
        let answer = get(&api, "/v1/businesses/b-2").await;
        assert_eq!(now(&answer), expected, "{members}");
        // Once more, from what is remembered.
        assert_eq!(get(&api, &format!("/v1/businesses/{}", id(2))).await.body, answer.body);
        let says_nothing = expected == is(None, "");
        assert_eq!(answer.headers.contains_key("last-modified"), says_nothing, "{members}");
        let card = get(&api, "/v1/businesses/b-2?view=card").await;
        assert!(!String::from_utf8(card.body).unwrap().contains("open_now"));
    }
}

#[tokio::test]
async fn an_answer_changes_with_the_hours_and_is_kept_no_longer() {
    let clock = Clock::at("2026-11-27T20:58:00Z");
    let api = world(&json!({"time_zone": "Europe/Berlin", "opening_hours": "Fr 22:00-04:00"}), &clock);
    let closed = get(&api, "/v1/businesses/b-2").await;
    assert_eq!(now(&closed), is(Some(false), "2026-11-27T22:00:00+01:00"));
    let etag = closed.header("etag").to_owned();
    for (time, kept) in [
        ("2026-11-27T20:59:25Z", "public, max-age=5, stale-while-revalidate=30, stale-if-error=86400"),
        ("2026-11-27T20:59:26Z", "public, max-age=5, stale-while-revalidate=29, stale-if-error=86400"),
        ("2026-11-27T20:59:55Z", "public, max-age=5, stale-while-revalidate=0, stale-if-error=86400"),
        ("2026-11-27T20:59:57Z", "public, max-age=3, stale-while-revalidate=0, stale-if-error=86400"),
        ("2026-11-27T20:59:59.9Z", "public, max-age=0, stale-while-revalidate=0, stale-if-error=86400"),
    ] {
        clock.set(time);
        let answer = send(&api, "GET", "/v1/businesses/b-2", &[("if-none-match", &etag)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (304, kept), "{time}");
    }
    // It opens at this very moment.
    clock.set("2026-11-27T21:00:00Z");
    let open = send(&api, "GET", "/v1/businesses/b-2", &[("if-none-match", &etag)]).await;
    assert_eq!(now(&open), is(Some(true), "2026-11-28T04:00:00+01:00"));
    assert_ne!(open.header("etag"), etag);
    // Past midnight.
    clock.set("2026-11-28T02:59:59Z");
    assert_eq!(get(&api, "/v1/businesses/b-2").await.header("etag"), open.header("etag"));
    clock.set("2026-11-28T03:00:00Z");
    assert_eq!(now(&get(&api, "/v1/businesses/b-2").await), is(Some(false), "2026-12-04T22:00:00+01:00"));
    // A clock that was set back.
    clock.set("2026-11-27T20:58:00Z");
    assert_eq!(get(&api, "/v1/businesses/b-2").await.header("etag"), etag);
}

#[tokio::test]
async fn a_page_without_hours_is_as_its_row_says() {
    let clock = Clock::at(NOON);
    let api = api(Memory::world(), clock.options());
    let answer = get(&api, "/v1/businesses/b-1").await;
    assert_eq!(answer.header("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    clock.set("2027-01-01T00:00:00Z");
    assert_eq!(get(&api, "/v1/businesses/b-1").await.body, answer.body);
}

#[tokio::test]
async fn places_that_are_forgotten_are_evaluated_again() {
    let clock = Clock::at(NOON);
    let memory = Memory::world();
    for (number, zone) in [(2, "Europe/Berlin"), (3, "America/Chicago"), (4, "Asia/Tokyo")] {
        put(&memory, number, &json!({"time_zone": zone, "opening_hours": "09:00-18:00"}));
    }
    let api = api(memory, QueryOptions { hours_remembered_max: 1, ..clock.options() });
    for _ in 0..3 {
        for (number, open) in [(2, true), (3, false), (4, false)] {
            let answer = get(&api, &format!("/v1/businesses/b-{number}")).await;
            assert_eq!(now(&answer).0, Some(open), "{number}");
        }
    }
}

async fn hours(api: &Router, query: &str) -> BusinessHours {
    get(api, &format!("/v1/businesses/b-2/hours{query}")).await.json()
}

fn lines(hours: &BusinessHours) -> Vec<String> {
    let line = |interval: &query_api::Interval| {
        let state = match interval.state {
            IntervalState::Open => "",
            IntervalState::Unknown => " unknown",
            IntervalState::Closed => " closed",
        };
        let comment = interval.comment.as_ref().map(|comment| format!(" {comment}")).unwrap_or_default();
        format!("{}..{}{state}{comment}", interval.from, interval.to)
    };
    hours.intervals.as_ref().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn intervals_are_those_of_the_week_from_today_or_of_what_is_asked() {
    let clock = Clock::at("2026-11-23T23:30:00Z");
    let members = json!({
        "time_zone": "Europe/Berlin", "address": {"country": "DE"},
        "opening_hours": "Tu 09:00-12:00; Th \"by appointment\"; Sa 22:00-04:00; Su,PH off \"Ruhetag\""
    });
    let api = world(&members, &clock);
    // In Berlin it is Tuesday already.
    let week = hours(&api, "").await;
    assert_eq!((week.from.as_str(), week.to.as_str()), ("2026-11-24T00:00:00+01:00", "2026-12-01T00:00:00+01:00"));
    assert_eq!(
        lines(&week),
        [
            "2026-11-24T09:00:00+01:00..2026-11-24T12:00:00+01:00",
            "2026-11-26T00:00:00+01:00..2026-11-27T00:00:00+01:00 unknown by appointment",
            "2026-11-28T22:00:00+01:00..2026-11-29T04:00:00+01:00",
            "2026-11-29T04:00:00+01:00..2026-11-30T00:00:00+01:00 closed Ruhetag",
        ]
    );
    assert_eq!(week.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(week.opening_hours.as_deref(), members["opening_hours"].as_str());
    assert_eq!((week.status, week.holidays), (BusinessStatus::Open, Some(HolidayKnowledge::Known)));

    // Moments, dates, and both; cut at both ends; what ends is excluded.
    for (query, from, to, first) in [
        (
            "?from=2026-11-24T10:00:00Z&to=2026-11-24T10:30:00Z",
            "2026-11-24T11:00:00+01:00",
            "2026-11-24T11:30:00+01:00",
            true,
        ),
        (
            "?from=2026-11-24T05:00:00%2B01:00&to=2026-11-24T09:00:00+01:00",
            "2026-11-24T05:00:00+01:00",
            "2026-11-24T09:00:00+01:00",
            false,
        ),
        ("?from=2026-11-22&to=2026-11-24", "2026-11-22T00:00:00+01:00", "2026-11-24T00:00:00+01:00", true),
        ("?from=2026-11-24&to=2026-11-24T08:00:01Z", "2026-11-24T00:00:00+01:00", "2026-11-24T09:00:01+01:00", true),
        ("?from=2026-07-01&to=2027-07-02", "2026-07-01T00:00:00+02:00", "2027-07-02T00:00:00+02:00", true),
    ] {
        let answer = hours(&api, query).await;
        assert_eq!((answer.from.as_str(), answer.to.as_str()), (from, to), "{query}");
        assert_eq!(!answer.intervals.unwrap().is_empty(), first, "{query}");
    }
    // Daylight saving: the night of the 25th of October has an hour more.
    let night = hours(&api, "?from=2026-10-24T12:00:00Z&to=2026-10-25T04:00:00Z").await;
    assert_eq!(lines(&night)[0], "2026-10-24T22:00:00+02:00..2026-10-25T04:00:00+01:00");
}

#[tokio::test]
async fn without_a_time_zone_times_are_local() {
    let clock = Clock::at(NOON);
    let api = world(&json!({"opening_hours": "Mo 20:00-02:00; PH off"}), &clock);
    let week = hours(&api, "").await;
    assert_eq!((week.from.as_str(), week.to.as_str()), ("2026-11-23T00:00:00", "2026-11-30T00:00:00"));
    assert_eq!(lines(&week), ["2026-11-23T20:00:00..2026-11-24T02:00:00"]);
    assert_eq!((week.time_zone, week.holidays), (None, Some(HolidayKnowledge::Unknown)));
    let refused = get(&api, "/v1/businesses/b-2/hours?from=2026-11-23T10:00:00Z").await;
    let problem = refused.problem(400, "invalid_parameters");
    assert_eq!((problem.errors[0].pointer.as_str(), problem.errors[0].code.as_str()), ("?from", "unsupported"));
}

#[tokio::test]
async fn what_is_not_known_is_absent_and_what_is_closed_for_good_has_no_hours() {
    let clock = Clock::at(NOON);
    let zone = "Europe/Berlin";
    let none = hours(&world(&json!({"time_zone": zone}), &clock), "").await;
    assert_eq!((none.opening_hours, none.intervals), (None, None));
    let unreadable = hours(&world(&json!({"time_zone": zone, "opening_hours": "9-17"}), &clock), "").await;
    assert_eq!((unreadable.opening_hours.as_deref(), unreadable.intervals), (Some("9-17"), None));
    let closed = json!({"status": "closed", "time_zone": zone, "opening_hours": "24/7"});
    let closed = hours(&world(&closed, &clock), "").await;
    assert_eq!((closed.status, closed.intervals), (BusinessStatus::Closed, Some(Vec::new())));
}

#[tokio::test]
async fn an_answer_about_today_ends_with_the_day_and_another_one_does_not() {
    let clock = Clock::at("2026-11-23T22:59:56Z");
    let api = world(&json!({"time_zone": "Europe/Berlin", "opening_hours": "09:00-17:00"}), &clock);
    let today = get(&api, "/v1/businesses/b-2/hours").await;
    assert!(today.header("cache-control").starts_with("public, max-age=4, stale-while-revalidate=0,"));
    assert_eq!(today.header("last-modified"), "");
    let asked = "/v1/businesses/b-2/hours?from=2026-11-23&to=2026-11-24";
    let fixed = get(&api, asked).await;
    assert!(fixed.header("cache-control").starts_with("public, max-age=5, stale-while-revalidate=30,"));
    assert_eq!(fixed.header("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    clock.set("2026-11-23T23:00:00Z");
    let path = "/v1/businesses/b-2/hours";
    let tomorrow = send(&api, "GET", path, &[("if-none-match", today.header("etag"))]).await;
    assert_eq!(tomorrow.json::<BusinessHours>().from, "2026-11-24T00:00:00+01:00");
    assert_eq!(send(&api, "GET", asked, &[("if-none-match", fixed.header("etag"))]).await.status, 304);
}

#[tokio::test]
async fn there_is_an_end_to_the_intervals_of_one_answer() {
    let text: Vec<String> = (0..20).map(|hour| format!("{hour:02}:00-{hour:02}:30")).collect();
    let api = world(&json!({"time_zone": "UTC", "opening_hours": text.join(",")}), &Clock::at(NOON));
    let first = hours(&api, "?from=2026-01-01&to=2027-01-01").await;
    assert_eq!(first.intervals.unwrap().len(), 2_000);
    assert_eq!(first.to, "2026-04-11T00:00:00+00:00", "20 on each of a hundred days");
    let rest = hours(&api, &format!("?from={}&to=2026-04-12", first.to)).await;
    assert_eq!(lines(&rest).len(), 20);
}

#[tokio::test]
async fn hours_are_found_and_not_found_as_pages_are() {
    let memory = Memory::world();
    put(&memory, 2, &json!({"opening_hours": "24/7"}));
    memory.put(&RowKey::Reference("old".into()), 900, ReferenceRow::Moved { slug: "b-2é".into() }.to_body());
    memory.put(&RowKey::Reference("gone".into()), 900, ReferenceRow::Removed.to_body());
    let api = api(memory, Clock::at(NOON).options());
    let by_id = get(&api, &format!("/v1/businesses/{}/hours", id(2))).await;
    assert_eq!(by_id.body, get(&api, "/v1/businesses/b-2/hours").await.body);
    let moved = get(&api, "/v1/businesses/old/hours?from=2026-11-23").await;
    assert_eq!(
        (moved.status.as_u16(), moved.header("location")),
        (308, "/v1/businesses/b-2%C3%A9/hours?from=2026-11-23")
    );
    get(&api, "/v1/businesses/gone/hours").await.problem(410, "removed");
    get(&api, "/v1/businesses/nobody/hours").await.problem(404, "not_found");
    get(&api, "/v1/businesses/%ff/hours").await.problem(400, "invalid_path");
    for (query, expected) in [
        ("view=card&locale=de", vec![("?view", "unknown"), ("?locale", "unknown")]),
        ("from=yesterday&to=", vec![("?from", "invalid"), ("?to", "invalid")]),
        ("from=2026-02-30", vec![("?from", "invalid")]),
        ("from=2026-11-23T10:00", vec![("?from", "invalid")]),
        ("from=1999-12-31", vec![("?from", "invalid")]),
        ("from=2026-01-01&to=2077-01-01", vec![("?to", "invalid")]),
        ("from=2026-11-23&to=2026-11-23", vec![("?to", "invalid")]),
        ("from=2026-11-23&to=2027-11-25", vec![("?to", "invalid")]),
        ("from=2026-11-23&from=2026-11-24", vec![("?from", "repeated")]),
    ] {
        let problem = get(&api, &format!("/v1/businesses/b-2/hours?{query}")).await.problem(400, "invalid_parameters");
        let errors: Vec<_> = problem.errors.iter().map(|e| (e.pointer.as_str(), e.code.as_str())).collect();
        assert_eq!(errors, expected, "{query}");
    }
}

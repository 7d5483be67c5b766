//! Local times and moments: daylight saving both ways, half an hour of it, a day that was left out.

use hours::{Now, State, moment_of};
use jiff::civil::date;

use crate::{in_zone, moment, word, zone};

/// Stretches as `open from..to` in UTC.
fn between(text: &str, name: &str, from: &str, to: &str) -> Vec<String> {
    let stretches = in_zone(text, name).stretches_between(moment(from), moment(to), 1000);
    stretches.iter().map(|s| format!("{} {}..{}", word(s.state), s.start, s.end)).collect()
}

fn now(text: &str, name: &str, at: &str) -> (State, String, Option<String>) {
    let Now { state, since, until } = in_zone(text, name).now(moment(at), 366).unwrap();
    (state, since.to_string(), until.map(|until| until.to_string()))
}

fn is(state: State, since: &str, until: &str) -> (State, String, Option<String>) {
    (state, since.to_owned(), Some(until.to_owned()))
}

#[test]
fn hours_follow_the_clock_of_the_place() {
    // The same hours in winter and in summer are other moments.
    assert_eq!(
        between("09:00-17:00", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"),
        ["open 2026-03-28T08:00:00Z..2026-03-28T16:00:00Z", "open 2026-03-29T07:00:00Z..2026-03-29T15:00:00Z",]
    );
    assert_eq!(
        between("09:00-17:00", "America/New_York", "2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z"),
        ["open 2026-10-31T13:00:00Z..2026-10-31T21:00:00Z", "open 2026-11-01T14:00:00Z..2026-11-01T22:00:00Z",]
    );
    // Cut at both ends.
    assert_eq!(
        between("09:00-17:00", "UTC", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"),
        ["open 2026-11-23T10:00:00Z..2026-11-23T11:00:00Z"]
    );
    assert_eq!(between("09:00-17:00", "UTC", "2026-11-23T17:00:00Z", "2026-11-24T09:00:00Z"), [""; 0]);
}

#[test]
fn a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn() {
    assert_eq!(
        between("Sa 22:00-04:00", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"),
        ["open 2026-03-28T21:00:00Z..2026-03-29T02:00:00Z"]
    );
    assert_eq!(
        between("Sa 22:00-04:00", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z"),
        ["open 2026-10-24T20:00:00Z..2026-10-25T03:00:00Z"]
    );
    assert_eq!(
        between("Sa 22:00-04:00", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T00:00:00Z"),
        ["open 2026-03-08T03:00:00Z..2026-03-08T08:00:00Z"]
    );
    assert_eq!(
        between("Sa 22:00-04:00", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-02T00:00:00Z"),
        ["open 2026-11-01T02:00:00Z..2026-11-01T09:00:00Z"]
    );
    // Half an hour: from 10:30 to 11:00 hours ahead of UTC in spring, which is October there, and back in April.
    assert_eq!(
        between("Sa 22:00-04:00", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-04T12:00:00Z"),
        ["open 2026-10-03T11:30:00Z..2026-10-03T17:00:00Z"]
    );
    assert_eq!(
        between("Sa 22:00-04:00", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-05T12:00:00Z"),
        ["open 2026-04-04T11:00:00Z..2026-04-04T17:30:00Z"]
    );
}

#[test]
fn a_time_that_is_skipped_is_the_jump_and_one_that_comes_twice_is_the_first() {
    let berlin = zone("Europe/Berlin");
    let jump = moment("2026-03-29T01:00:00Z");
    for (hour, minute) in [(2, 0), (2, 30), (2, 59), (3, 0)] {
        assert_eq!(moment_of(&berlin, date(2026, 3, 29).at(hour, minute, 0, 0)), jump, "{hour}:{minute}");
    }
    assert_eq!(moment_of(&berlin, date(2026, 10, 25).at(2, 30, 0, 0)), moment("2026-10-25T00:30:00Z"));
    assert_eq!(moment_of(&berlin, date(2026, 10, 25).at(3, 0, 0, 0)), moment("2026-10-25T02:00:00Z"));
    // The 30th of December 2011 was left out in Samoa.
    let apia = zone("Pacific/Apia");
    assert_eq!(moment_of(&apia, date(2011, 12, 30).at(15, 0, 0, 0)), moment("2011-12-30T10:00:00Z"));

    // A stretch that the clock skips is none, and nothing changes at its ends.
    assert_eq!(between("Su 02:10-02:50", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"), [""; 0]);
    assert_eq!(
        now("Su 01:00-05:00; Su 02:10-02:50 off", "Europe/Berlin", "2026-03-29T00:30:00Z"),
        is(State::Open, "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z")
    );
}

#[test]
fn the_state_of_a_moment_lasts_from_change_to_change() {
    let berlin = |at| now("Fr 22:00-04:00", "Europe/Berlin", at);
    let open = is(State::Open, "2026-11-27T21:00:00Z", "2026-11-28T03:00:00Z");
    assert_eq!(berlin("2026-11-27T20:59:59Z").0, State::Closed);
    assert_eq!(berlin("2026-11-27T20:59:59Z").2.unwrap(), "2026-11-27T21:00:00Z");
    assert_eq!(berlin("2026-11-27T21:00:00Z"), open, "it opens at the very moment");
    assert_eq!(berlin("2026-11-28T02:59:59.999Z"), open, "past midnight");
    assert_eq!(berlin("2026-11-28T03:00:00Z"), is(State::Closed, "2026-11-28T03:00:00Z", "2026-12-04T21:00:00Z"));
    // Comments change without a change of state.
    assert_eq!(
        now("Mo 09:00-12:00 open \"a\"; Mo 12:00-13:00 off; Mo 12:00-15:00 open \"b\"", "UTC", "2026-11-23T12:30:00Z"),
        is(State::Open, "2026-11-23T12:00:00Z", "2026-11-23T15:00:00Z")
    );
    assert_eq!(
        now("Mo 09:00-12:00 open \"a\", Mo 12:00-15:00 open \"b\"", "UTC", "2026-11-23T12:30:00Z"),
        is(State::Open, "2026-11-23T09:00:00Z", "2026-11-23T15:00:00Z")
    );
    assert_eq!(now("24/7", "UTC", "2026-11-23T12:30:00Z").2, None);
    assert_eq!(now("off", "UTC", "2026-11-23T12:30:00Z").0, State::Closed);
    assert_eq!(now("\"call\"", "UTC", "2026-11-23T12:30:00Z").0, State::Unknown);
    // Seasons.
    assert_eq!(now("Apr-Oct 10:00-18:00", "UTC", "2026-11-23T12:30:00Z").2.unwrap(), "2027-04-01T10:00:00Z");
}

#[test]
fn without_a_time_zone_there_is_no_now() {
    let hours = crate::at("24/7", hours::Place::default());
    assert_eq!(hours.now(moment("2026-11-23T12:30:00Z"), 366), None);
    assert!(hours.stretches_between(moment("2026-11-23T12:30:00Z"), moment("2026-11-24T12:30:00Z"), 9).is_empty());
}

#[test]
fn now_agrees_with_the_stretches_minute_by_minute() {
    for (name, from, to) in [
        ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-05T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-04T00:00:00Z"),
    ] {
        let hours = in_zone("18:00-02:20,03:10-04:00, Mo-Su 02:30-02:45 \"?\"; Su 01:45-01:50 off", name);
        let (from, to) = (moment(from), moment(to));
        let stretches = hours.stretches_between(from, to, 1000);
        let mut at = from;
        while at < to {
            let found = stretches.iter().find(|s| s.start <= at && at < s.end).map_or(State::Closed, |s| s.state);
            let now = hours.now(at, 3).unwrap();
            assert_eq!(now.state, found, "{name} {at}");
            assert!(now.since <= at && now.until.unwrap() > at);
            at += jiff::SignedDuration::from_secs(60);
        }
    }
}

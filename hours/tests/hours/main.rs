//! Opening hours: what a text means on a day, at a moment, and what it costs to find out.
#![allow(clippy::unwrap_used)]

mod clocks;
mod days;
mod hostile;

use hours::{Hours, Place, PlacedHours, State};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

fn at(text: &str, place: Place) -> PlacedHours {
    PlacedHours::new(Hours::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")), place)
}

fn in_zone(text: &str, name: &str) -> PlacedHours {
    at(text, Place { time_zone: Some(zone(name)), ..Place::default() })
}

fn in_country(text: &str, country: &str) -> PlacedHours {
    at(text, Place { country: Some(country.to_owned()), ..Place::default() })
}

/// `Mon 09:00 - Mon 17:00 open`, one for each stretch from one midnight to another.
fn shown(hours: &PlacedHours, from: &str, to: &str) -> Vec<String> {
    let date = |text: &str| text.parse::<Date>().unwrap();
    let stretches = hours.local_stretches(date(from), date(to), 1000);
    let line = |stretch: &hours::Stretch<jiff::civil::DateTime>| {
        let comment = stretch.comment.as_ref().map(|comment| format!(" {comment:?}")).unwrap_or_default();
        let (start, end) = (stretch.start.strftime("%a %H:%M"), stretch.end.strftime("%a %H:%M"));
        format!("{start} - {end} {}{comment}", word(stretch.state))
    };
    stretches.iter().map(line).collect()
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Unknown => "unknown",
        State::Closed => "closed",
    }
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

//! What the fuzzer `hours` asks of opening hours. Not part of the product; see `fuzz/`.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::{Hours, Place, PlacedHours, State, TEXT_CHARS_MAX};

const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"];
const COUNTRIES: [&str; 4] = ["DE", "US", "JP", "XX"];

/// The first five bytes are place and time, the rest is the text. An error names a character; what can be read can be
/// evaluated anywhere and at any time, in order, and by both ways to the same state.
///
/// # Panics
/// One of that does not hold.
pub fn hours(data: &[u8]) {
    let Some((place_and_time, text)) = data.split_first_chunk::<5>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let hours = match Hours::parse(text) {
        Ok(hours) => hours,
        Err(error) => {
            let behind = text.chars().count() + 1;
            assert!((1..=behind).contains(&error.character), "{error} in {text:?}");
            assert!(error.character <= TEXT_CHARS_MAX + 1);
            return;
        }
    };
    let [zone, country, days, minutes, sun] = place_and_time.map(usize::from);
    let time_zone = TimeZone::get(ZONES[zone % ZONES.len()]).expect("a zone that is known everywhere");
    let place = Place {
        time_zone: Some(time_zone),
        country: Some(COUNTRIES[country % COUNTRIES.len()].to_owned()),
        point: (sun % 2 == 1).then(|| (sun as f64 / 1.5 - 85.0, zone as f64 - 128.0)),
    };
    let hours = PlacedHours::new(hours, place);
    // Around the years in which clocks are known; both ends of summer time are within reach.
    let at = 1_700_000_000 + days as i64 * 86_400 * 5 + minutes as i64 * 337;
    let at = Timestamp::from_second(at).expect("within this century");

    let (from, to) = (at - 60.hours(), at + 60.hours());
    let stretches = hours.stretches_between(from, to, usize::MAX);
    assert!(stretches.iter().all(|stretch| from <= stretch.start && stretch.start < stretch.end && stretch.end <= to));
    assert!(stretches.windows(2).all(|pair| pair[0].end <= pair[1].start), "{text:?}: {stretches:?}");

    let now = hours.now(at, 2).expect("there is a time zone");
    assert!(now.since <= at && now.until.is_none_or(|until| at < until), "{text:?} at {at}: {now:?}");
    let stretch = stretches.iter().find(|stretch| stretch.start <= at && at < stretch.end);
    assert_eq!(now.state, stretch.map_or(State::Closed, |stretch| stretch.state), "{text:?} at {at}: {stretches:?}");
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("hours", super::hours);
    }
}

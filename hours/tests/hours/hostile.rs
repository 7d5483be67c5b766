//! Texts that would cost much, and any text at all.

use std::time::{Duration, Instant};

use hours::{Hours, Place, PlacedHours, SyntaxError, TEXT_CHARS_MAX};
use jiff::civil::date;
use proptest::prelude::*;

use crate::{in_country, moment, zone};

/// What a text may cost at the most, in a slow build on a busy machine. Without bounds some of these take minutes.
const LONGEST: Duration = Duration::from_secs(2);

fn filled(part: &str, separator: &str) -> String {
    let count = (TEXT_CHARS_MAX + separator.len()) / (part.len() + separator.len());
    vec![part; count].join(separator)
}

fn place() -> Place {
    Place { time_zone: Some(zone("Europe/Berlin")), country: Some("DE".to_owned()), point: Some((52.5, 13.4)) }
}

#[test]
fn no_text_takes_long() {
    for (part, separator) in [
        ("Jan Su[1]", ","),
        ("Jan Su[1]-Jan Su[2]", ","),
        ("2026 Jan Su[-1] +5 days", ","),
        ("Mo", ";"),
        ("Mo", ", "),
        ("off", ";"),
        ("PH", ","),
        ("PH -9999 days", ","),
        ("Jan 1-Dec 31", ","),
        ("Jan 1-Dec 31", "; "),
        ("Jan 1-Dec 31 ", ""),
        ("easter +9999 days", ","),
        ("week 1-53/2", "; "),
        ("1900-9999/9", ","),
        ("00:00-48:00", ","),
        ("00:00-00:01", ","),
        ("00:01-00:00", ","),
        ("(sunset+23:59)-(sunset+23:58)", ","),
        ("(sunset+23:00)-26:00", "; "),
        ("sunrise-sunset", ","),
        ("Mo[1,2,3,4,5]", ","),
        ("Feb 30 00:00-00:01", ", "),
        ("Mo\"x\"", "; "),
        ("24/7 off \"x\"", " || "),
        ("\"", ""),
        ("(", ""),
        (" ", ""),
        ("😀", ""),
    ] {
        let text = filled(part, separator);
        assert!(text.chars().count() <= TEXT_CHARS_MAX);
        let started = Instant::now();
        if let Ok(hours) = Hours::parse(&text) {
            let hours = PlacedHours::new(hours, place());
            hours.now(moment("2026-11-23T12:00:00Z"), 366);
            hours.stretches_between(moment("2026-01-01T00:00:00Z"), moment("2027-01-02T00:00:00Z"), 2000);
        }
        assert!(started.elapsed() < LONGEST, "{text}: {:?}", started.elapsed());
    }
}

#[test]
fn what_is_too_complicated_is_refused() {
    let SyntaxError { character, reason } = Hours::parse(&filled("Jan Su[1]", ",")).unwrap_err();
    assert_eq!(character, 1);
    assert!(reason.starts_with("too complicated"), "{reason}");
    // Only that text, not the one after it.
    Hours::parse("Jan Su[1],Feb Su[1] 10:00-12:00").unwrap();
}

#[test]
fn there_are_never_more_stretches_than_asked_for_and_one() {
    let hours = in_country(&filled("00:00-00:01,00:03-00:04", ","), "DE");
    assert_eq!(hours.local_stretches(date(2026, 1, 1), date(2027, 1, 1), 10).len(), 11);
}

/// Texts out of what opening hours are made of.
fn texts() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Mo",
        "Tu-Fr",
        "Sa",
        "Su",
        "PH",
        "SH",
        "Jan",
        "Feb 29",
        "Dec 24-Jan 2",
        "easter",
        "week",
        "1-53/2",
        "2026",
        "2020-2030",
        "10:00-12:00",
        "22:00-04:00",
        "17:00+",
        "00:00-24:00",
        "26:00-48:00",
        "sunrise-sunset",
        "(sunset+02:00)-26:00",
        "(dawn-23:59)-(dusk+23:59)",
        "off",
        "open",
        "unknown",
        "24/7",
        "\"x\"",
        "\"x\":",
        "[1]",
        "[-1]",
        "+1 day",
        "-9999 days",
        ",",
        ", ",
        "; ",
        " || ",
        " ",
        "-",
        "/",
        "+",
    ]);
    prop::collection::vec((word, prop::bool::weighted(0.4)), 1..20).prop_map(|words| {
        words.into_iter().fold(String::new(), |text, (word, blank)| text + word + if blank { " " } else { "" })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_and_evaluated(text in prop_oneof![4 => texts(), 1 => ".{0,60}"], at in 0_i64..2_400_000_000) {
        match Hours::parse(&text) {
            Ok(hours) => {
                let hours = PlacedHours::new(hours, place());
                let at = jiff::Timestamp::from_second(at).unwrap();
                let now = hours.now(at, 30).unwrap();
                prop_assert!(now.since <= at && now.until.is_none_or(|until| until > at));
                let to = at + jiff::SignedDuration::from_hours(24 * 10);
                let stretches = hours.stretches_between(at, to, 500);
                let found = stretches.first().filter(|stretch| stretch.start == at).map_or(hours::State::Closed, |s| s.state);
                prop_assert_eq!(now.state, found);
                for stretch in &stretches {
                    prop_assert!(stretch.start < stretch.end && stretch.end <= to);
                }
                for pair in stretches.windows(2) {
                    prop_assert!(pair[0].end <= pair[1].start);
                }
            }
            Err(SyntaxError { character, .. }) => prop_assert!((1..=text.chars().count() + 1).contains(&character)),
        }
    }
}

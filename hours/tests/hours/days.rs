//! Rules of a text, added up to days. The week from Monday, the 23rd of November 2026.

use hours::{Holidays, Place};

use crate::{at, in_country, shown, zone};

fn week(text: &str) -> Vec<String> {
    shown(&at(text, Place::default()), "2026-11-23", "2026-11-30")
}

#[test]
fn days_and_times() {
    assert_eq!(
        week("Mo-Tu 09:00-12:00,13:00-17:30"),
        [
            "Mon 09:00 - Mon 12:00 open",
            "Mon 13:00 - Mon 17:30 open",
            "Tue 09:00 - Tue 12:00 open",
            "Tue 13:00 - Tue 17:30 open",
        ]
    );
    assert_eq!(week("24/7"), ["Mon 00:00 - Mon 00:00 open"]);
    assert_eq!(week("off"), [""; 0]);
    assert_eq!(
        week("Mo 09:00-11:00,10:00-12:00,08:00-08:30"),
        ["Mon 08:00 - Mon 08:30 open", "Mon 09:00 - Mon 12:00 open",]
    );
}

#[test]
fn a_later_rule_takes_the_place_of_an_earlier_one_and_a_closing_one_cuts() {
    assert_eq!(
        week("Mo-Su 09:00-17:00; Tu-Su 10:00-11:00; We-Su off"),
        ["Mon 09:00 - Mon 17:00 open", "Tue 10:00 - Tue 11:00 open",]
    );
    assert_eq!(week("Mo 09:00-17:00; 12:00-13:00 off"), ["Mon 09:00 - Mon 12:00 open", "Mon 13:00 - Mon 17:00 open"]);
    assert_eq!(week("Mo 09:00-12:00, Mo 15:00-16:00"), ["Mon 09:00 - Mon 12:00 open", "Mon 15:00 - Mon 16:00 open"]);
    assert_eq!(
        week("Mo 10:00-12:00 || Mo \"ask\" || off"),
        [
            "Mon 00:00 - Mon 10:00 unknown \"ask\"",
            "Mon 10:00 - Mon 12:00 open",
            "Mon 12:00 - Tue 00:00 unknown \"ask\"",
        ]
    );
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    assert_eq!(week("Fr 22:00-04:00"), ["Fri 22:00 - Sat 04:00 open"]);
    assert_eq!(week("Fr 22:00-28:00"), ["Fri 22:00 - Sat 04:00 open"]);
    assert_eq!(week("Fr 22:00-04:00; Sa off"), ["Fri 22:00 - Sat 04:00 open"]);
    assert_eq!(
        week("Th 18:00-02:00; Fr-Sa 18:00-04:00"),
        ["Thu 18:00 - Fri 02:00 open", "Fri 18:00 - Sat 04:00 open", "Sat 18:00 - Sun 04:00 open",]
    );
    // What a later rule replaced has no night either.
    assert_eq!(week("Mo-Tu 18:00-02:00; Tu 10:00-12:00"), ["Mon 18:00 - Tue 02:00 open", "Tue 10:00 - Tue 12:00 open"]);
    // The night of the Sunday before.
    assert_eq!(week("Su 20:00-03:00")[0], "Mon 00:00 - Mon 03:00 open");
    // Times that are taken out are taken out of the next morning too.
    assert_eq!(week("24/7; Sa 22:00-06:00 off"), ["Mon 00:00 - Sat 22:00 open", "Sun 06:00 - Mon 00:00 open"]);
    assert_eq!(week("Mo-We 08:00-08:00"), ["Mon 08:00 - Thu 08:00 open"]);
}

#[test]
fn comments_and_what_is_not_known() {
    assert_eq!(week("\"by appointment\""), ["Mon 00:00 - Mon 00:00 unknown \"by appointment\""]);
    assert_eq!(week("Mo 09:00-10:00 \"on request\""), ["Mon 09:00 - Mon 10:00 unknown \"on request\""]);
    assert_eq!(week("Mo 09:00-10:00 open \"ring\""), ["Mon 09:00 - Mon 10:00 open \"ring\""]);
    assert_eq!(
        week("Mo unknown; Tu off \"ill\""),
        ["Mon 00:00 - Tue 00:00 unknown", "Tue 00:00 - Wed 00:00 closed \"ill\"",]
    );
    // Open ends: nobody says when.
    assert_eq!(
        week("Mo 17:00+; Tu 12:00-22:00+"),
        ["Mon 17:00 - Tue 03:00 unknown", "Tue 12:00 - Tue 22:00 open", "Tue 22:00 - Wed 08:00 unknown",]
    );
}

#[test]
fn months_weeks_years_and_easter() {
    let year = |text: &str, from: &str, to: &str| shown(&at(text, Place::default()), from, to).len();
    assert_eq!(year("Apr-Oct Mo-Su 10:00-18:00; Nov-Mar off", "2026-01-01", "2027-01-01"), 214);
    assert_eq!(year("Nov-Feb 10:00-18:00", "2026-01-01", "2027-01-01"), 31 + 28 + 30 + 31);
    assert_eq!(year("Dec 24-Jan 2 off; Mo-Su 10:00-18:00", "2026-12-01", "2027-02-01"), 62, "the later rule wins");
    assert_eq!(year("Mo-Su 10:00-18:00; Dec 24-Jan 2 off", "2026-12-01", "2027-02-01"), 62 - 10);
    assert_eq!(year("week 10-12 Mo 10:00-11:00", "2026-01-01", "2027-01-01"), 3);
    assert_eq!(year("week 1-53/2 Mo 10:00-11:00", "2026-01-01", "2027-01-01"), 26, "the first one is in 2025");
    assert_eq!(year("2027 Mo 10:00-11:00", "2026-01-01", "2027-01-01"), 0);
    assert_eq!(year("2026 Dec 10:00-11:00", "2026-01-01", "2028-01-01"), 31);
    assert_eq!(year("Mo[1],Mo[-1] 10:00-11:00", "2026-01-01", "2027-01-01"), 24);
    // Easter 2026 is the 5th of April.
    assert_eq!(
        shown(&at("easter 10:00-11:00", Place::default()), "2026-01-01", "2027-01-01"),
        ["Sun 10:00 - Sun 11:00 open"]
    );
    assert_eq!(shown(&at("easter -2 days 10:00-11:00", Place::default()), "2026-04-03", "2026-04-04").len(), 1);
    assert_eq!(year("easter-easter +1 day off; Mo-Su 10:00-11:00", "2026-04-01", "2026-05-01"), 30);
    assert_eq!(year("Mo-Su 10:00-11:00; easter-easter +1 day off", "2026-04-01", "2026-05-01"), 28);
}

#[test]
fn public_holidays_are_those_of_the_country() {
    const TEXT: &str = "Mo-Su 10:00-18:00; PH off";
    let christmas = |country| shown(&in_country(TEXT, country), "2026-12-25", "2026-12-26").len();
    assert_eq!([christmas("DE"), christmas("US"), christmas("JP")], [0, 0, 1]);
    let independence_day = |country| shown(&in_country(TEXT, country), "2026-07-04", "2026-07-05").len();
    // The 4th of July 2026 is a Saturday; the holiday is kept on the Friday before.
    assert_eq!(shown(&in_country(TEXT, "US"), "2026-07-03", "2026-07-04").len(), 0);
    assert_eq!(independence_day("DE"), 1);
    // The night before a holiday goes on.
    assert_eq!(
        shown(&in_country("Mo-Su 20:00-02:00; PH off", "DE"), "2026-12-24", "2026-12-27"),
        ["Thu 00:00 - Thu 02:00 open", "Thu 20:00 - Fri 02:00 open"]
    );
    // The day after a holiday: 1 May 2026 is a Friday.
    assert_eq!(
        shown(&in_country("PH +1 day 10:00-12:00", "DE"), "2026-05-01", "2026-05-04"),
        ["Sat 10:00 - Sat 12:00 open"]
    );
}

#[test]
fn a_holiday_of_a_region_makes_unknown_what_it_would_change() {
    // Women's Day is a holiday in two of the German states: Sunday, the 8th of March 2026; in 2027 it is a Monday.
    assert_eq!(
        shown(&in_country("Mo-Su 10:00-18:00; PH off", "DE"), "2027-03-08", "2027-03-09"),
        ["Mon 10:00 - Mon 18:00 unknown"]
    );
    assert_eq!(
        shown(&in_country("Mo-Su 10:00-18:00; PH 12:00-20:00", "DE"), "2027-03-08", "2027-03-09"),
        ["Mon 10:00 - Mon 12:00 unknown", "Mon 12:00 - Mon 18:00 open", "Mon 18:00 - Mon 20:00 unknown",]
    );
}

#[test]
fn it_is_told_when_nobody_knows_the_holidays() {
    let holidays = |text, country| in_country(text, country).holidays();
    assert_eq!(holidays("Mo-Fr 10:00-12:00", "DE"), Holidays::NotNamed);
    assert_eq!(holidays("Mo-Fr 10:00-12:00; PH off", "DE"), Holidays::Known);
    assert_eq!(holidays("Mo-Fr 10:00-12:00; PH off", "AQ"), Holidays::Unknown);
    assert_eq!(
        holidays("Mo-Fr 10:00-12:00; SH off", "DE"),
        Holidays::Unknown,
        "there is no calendar of school holidays"
    );
    assert_eq!(at("PH off", Place::default()).holidays(), Holidays::Unknown);
}

#[test]
fn the_sun_rises_where_the_place_is() {
    let berlin = Place { time_zone: Some(zone("Europe/Berlin")), point: Some((52.52, 13.405)), ..Place::default() };
    // Sunrise 04:43 and sunset 21:33, by the almanac.
    let day = shown(&at("sunrise-sunset", berlin.clone()), "2026-06-21", "2026-06-22");
    assert_eq!(day.len(), 1);
    assert!(day[0].starts_with("Sun 04:4") && day[0].contains("- Sun 21:3"), "{day:?}");
    let evening = shown(&at("(sunset-01:00)-24:00", berlin.clone()), "2026-06-21", "2026-06-22");
    assert!(evening[0].starts_with("Sun 20:3"), "{evening:?}");
    // Where it does not rise, or nobody knows where that is, hours by the sun are unknown.
    let tromso = Place { time_zone: Some(zone("Europe/Oslo")), point: Some((69.65, 18.96)), ..Place::default() };
    for place in [tromso, Place { point: None, ..berlin.clone() }, Place { time_zone: None, ..berlin }] {
        let day = shown(&at("sunrise-sunset", place), "2026-12-21", "2026-12-22");
        assert_eq!(day, ["Mon 00:00 - Tue 00:00 unknown"]);
    }
}

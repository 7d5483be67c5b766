//! Days as the crates around the grammar see them: the days of a selector, holidays, the sun.
//!
//! They speak chrono; the rest of the directory speaks jiff. Nothing of chrono leaves this file.

use chrono::NaiveDate;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use opening_hours::localization::{Coordinates, Country};
use opening_hours::{ContextHolidays, OpeningHours};
use opening_hours_syntax::rules::day::HolidayKind;
use opening_hours_syntax::rules::time::TimeEvent;

/// The holidays of a country, and those of only a part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calendar {
    everywhere: ContextHolidays,
    somewhere: ContextHolidays,
}

/// Whether a day is a holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holiday {
    No,
    Somewhere,
    Yes,
}

impl Calendar {
    /// Of a country by its ISO 3166-1 alpha-2 code.
    pub(crate) fn of(code: Option<&str>) -> Self {
        match code.and_then(|code| code.parse::<Country>().ok()) {
            Some(country) => Self { everywhere: country.holidays(), somewhere: country.holidays_regional() },
            None => Self::default(),
        }
    }

    /// Whether there is a calendar of such holidays.
    pub(crate) fn knows(&self, kind: HolidayKind) -> bool {
        [&self.everywhere, &self.somewhere].iter().any(|holidays| holidays.get_for_kind(kind).count() > 0)
    }

    /// Whether a day is so many days after such a holiday.
    pub(crate) fn is(&self, kind: HolidayKind, days_after: i16, date: Date) -> Holiday {
        let date = chrono_date(date.saturating_sub(days_after.days()));
        if self.everywhere.get_for_kind(kind).contains(date) {
            Holiday::Yes
        } else if self.somewhere.get_for_kind(kind).contains(date) {
            Holiday::Somewhere
        } else {
            Holiday::No
        }
    }
}

/// Whether hours that are open for all of their days are so on a day.
pub(crate) fn is_day_of(days: &OpeningHours, date: Date) -> bool {
    !days.schedule_at(chrono_date(date)).is_empty()
}

/// When the sun does it on a day.
pub(crate) fn sun(point: (f64, f64), date: Date, event: TimeEvent) -> Option<Timestamp> {
    let moment = Coordinates::new(point.0, point.1)?.event_time(chrono_date(date), event)?;
    Timestamp::from_second(moment.timestamp()).ok()
}

fn chrono_date(date: Date) -> NaiveDate {
    let (year, month, day) = (i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs());
    NaiveDate::from_ymd_opt(year, u32::from(month), u32::from(day)).expect("both calendars are the Gregorian one")
}

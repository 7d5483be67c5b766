//! The days that a rule is about.

use jiff::civil::Date;
use opening_hours::{OpeningHours, RuleKind};
use opening_hours_syntax::rules::day::{self, DaySelector, HolidayKind, MonthdayRange, WeekDayRange, Year};
use opening_hours_syntax::rules::time::TimeSelector;
use opening_hours_syntax::rules::{OpeningHoursExpression, RuleOperator, RuleSequence};

use crate::calendar::{Calendar, Holiday, is_day_of};

/// The days that a rule is about: those that all of its conditions meet.
///
/// A condition is evaluated as hours that are open for all of just its days. The crate for that evaluates only what it
/// has parsed itself, and some selectors it writes otherwise than it reads them; so each stands alone and is compared.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    /// Years, months and dates, weeks.
    dates: Vec<OpeningHours>,
    /// Weekdays and holidays, one of which must fit; all days if there are neither.
    weekdays: Option<OpeningHours>,
    holidays: Vec<(HolidayKind, i16)>,
}

impl Days {
    /// The days that a selector means; `None` if it cannot be evaluated.
    pub(crate) fn of(selector: &DaySelector) -> Option<Self> {
        let DaySelector { year, monthday, week, weekday } = selector.clone();
        let mut days = Self { dates: Vec::new(), weekdays: None, holidays: Vec::new() };
        if !year.is_empty() {
            days.dates.push(alone(DaySelector { year, ..DaySelector::default() })?);
        }
        if !monthday.is_empty() {
            let monthday = monthday.into_iter().map(whole_months).collect();
            days.dates.push(alone(DaySelector { monthday, ..DaySelector::default() })?);
        }
        if !week.is_empty() {
            days.dates.push(alone(DaySelector { week, ..DaySelector::default() })?);
        }
        let mut fixed = Vec::new();
        for weekday in weekday {
            match weekday {
                WeekDayRange::Holiday { kind, offset } => days.holidays.push((kind, offset)),
                WeekDayRange::Fixed { .. } => fixed.push(weekday),
            }
        }
        if !fixed.is_empty() {
            days.weekdays = Some(alone(DaySelector { weekday: fixed, ..DaySelector::default() })?);
        }
        Some(days)
    }

    /// The kinds of holidays that are named.
    pub(crate) fn holidays(&self) -> impl Iterator<Item = HolidayKind> + '_ {
        self.holidays.iter().map(|(kind, _)| *kind)
    }

    /// Whether a day is one of them; [`Holiday::Somewhere`] if that depends on the part of the country.
    pub(crate) fn contain(&self, date: Date, calendar: &Calendar) -> Holiday {
        if !self.dates.iter().all(|days| is_day_of(days, date)) {
            return Holiday::No;
        }
        if self.weekdays.is_none() && self.holidays.is_empty() {
            return Holiday::Yes;
        }
        if self.weekdays.as_ref().is_some_and(|days| is_day_of(days, date)) {
            return Holiday::Yes;
        }
        let holidays = self.holidays.iter().map(|(kind, days_after)| calendar.is(*kind, *days_after, date));
        holidays.max().unwrap_or(Holiday::No)
    }
}

fn alone(selector: DaySelector) -> Option<OpeningHours> {
    let rule = RuleSequence {
        day_selector: selector,
        time_selector: TimeSelector::default(),
        kind: RuleKind::Open,
        operator: RuleOperator::Normal,
        comment: "".into(),
    };
    let expression = OpeningHoursExpression { rules: vec![rule] };
    let parsed: OpeningHours = expression.to_string().parse().ok()?;
    (*parsed.get_expression() == expression).then_some(parsed)
}

/// Months of one year as dates: the crate takes only the first day of the last of them.
fn whole_months(range: MonthdayRange) -> MonthdayRange {
    match range {
        MonthdayRange::Month { range, year: Some(year) } => {
            let (first, last) = range.into_inner();
            let last_year = if last < first { Year(*year + 1) } else { year };
            let offset = day::DateOffset::default();
            MonthdayRange::Date {
                start: (day::Date::ymd(1, first, year), offset),
                end: (day::Date::ymd(31, last, last_year), offset),
            }
        }
        other => other,
    }
}

//! The rules of a text, ready to be evaluated.

use std::sync::Arc;

use opening_hours_syntax::ExtendedTime;
use opening_hours_syntax::rules::time::{Time, TimeEvent, TimeSpan};
use opening_hours_syntax::rules::{RuleKind, RuleOperator, RuleSequence};

use crate::calendar::Calendar;
use crate::days::Days;
use crate::pieces::State;
use crate::syntax::{self, SyntaxError};

/// How a rule goes together with those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joint {
    /// `;`: takes their place on its days, if it opens; cuts its times out of them, if it closes.
    Replaces,
    /// `,`: lies over them.
    Adds,
    /// `||`: holds where they leave closed.
    FallsBack,
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) days: Days,
    pub(crate) times: Vec<TimeSpan>,
    /// It names no times.
    pub(crate) whole_day: bool,
    pub(crate) state: State,
    pub(crate) comment: Option<Arc<str>>,
    pub(crate) joint: Joint,
}

/// What opening hours say about holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holidays {
    /// Nothing.
    NotNamed,
    /// They name some, and there are calendars of them for the country.
    Known,
    /// They name some that nobody here knows: no day counts as one.
    Unknown,
}

/// Opening hours, wherever they hold.
#[derive(Debug, Clone)]
pub struct Hours {
    pub(crate) rules: Vec<Rule>,
}

impl Hours {
    /// Reads a text.
    ///
    /// # Errors
    /// The text is not opening hours; the error names the place.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let expression = syntax::parse(text)?;
        let rules = expression.rules.iter().map(|sequence| match Days::of(&sequence.day_selector) {
            Some(days) => Ok(rule(days, sequence)),
            None => Err(syntax::not_evaluated(text, &sequence.day_selector)),
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Whether sunrise or sunset, dawn or dusk matter.
    pub fn names_sun(&self) -> bool {
        let mut times = self.rules.iter().flat_map(|rule| &rule.times).map(|span| &span.range);
        times.any(|range| [range.start, range.end].iter().any(|time| matches!(time, Time::Variable(_))))
    }

    /// What they say about holidays.
    pub(crate) fn holidays(&self, calendar: &Calendar) -> Holidays {
        let mut named = self.rules.iter().flat_map(|rule| rule.days.holidays()).peekable();
        if named.peek().is_none() {
            Holidays::NotNamed
        } else if named.all(|kind| calendar.knows(kind)) {
            Holidays::Known
        } else {
            Holidays::Unknown
        }
    }
}

fn rule(days: Days, sequence: &RuleSequence) -> Rule {
    let times = sequence.time_selector.spans.clone();
    Rule {
        days,
        whole_day: times == [TimeSpan::fixed_range(ExtendedTime::MIDNIGHT_00, ExtendedTime::MIDNIGHT_24)],
        times,
        state: match sequence.kind {
            RuleKind::Open => State::Open,
            RuleKind::Closed => State::Closed,
            RuleKind::Unknown => State::Unknown,
        },
        comment: (!sequence.comment.is_empty()).then(|| sequence.comment.clone()),
        joint: match sequence.operator {
            RuleOperator::Normal => Joint::Replaces,
            RuleOperator::Additional => Joint::Adds,
            RuleOperator::Fallback => Joint::FallsBack,
        },
    }
}

/// A part of a day that a rule names, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u16,
    pub(crate) end: u16,
    pub(crate) state: State,
}

/// Two days in minutes: the end of time for a day.
const TWO_DAYS: i32 = 48 * 60;
const ONE_DAY: i32 = 24 * 60;
/// Nobody says when an open end is: until then it may be open, and at least until midnight.
const OPEN_END_MINUTES: i32 = 10 * 60;

impl Rule {
    /// The times that the rule names on a day. `sun` gives the minute of an event of the sun.
    pub(crate) fn spans(&self, sun: impl Fn(TimeEvent) -> Option<i32>) -> Vec<Span> {
        let minute = |time: &Time| match time {
            Time::Fixed(time) => Some(i32::from(time.mins_from_midnight())),
            Time::Variable(time) => Some(sun(time.event)? + i32::from(time.offset)),
        };
        let mut spans = Vec::with_capacity(self.times.len());
        let mut push = |start: i32, end: i32, state: State| {
            let within = |minute: i32| u16::try_from(minute.clamp(0, TWO_DAYS)).expect("two days are few minutes");
            let (start, end) = (within(start), within(end));
            if start < end {
                spans.push(Span { start, end, state });
            }
        };
        for times in &self.times {
            let (Some(start), Some(mut end)) = (minute(&times.range.start), minute(&times.range.end)) else {
                // Nobody knows when the sun does it there, or it does not on that day.
                push(0, ONE_DAY, self.state.min(State::Unknown));
                continue;
            };
            if end <= start {
                end += ONE_DAY;
            }
            let only_start = end == ONE_DAY;
            match (times.open_end, only_start) {
                (false, _) => push(start, end, self.state),
                // `17:00+`
                (true, true) => push(start, ONE_DAY.max(start + OPEN_END_MINUTES), self.state.min(State::Unknown)),
                // `12:00-17:00+`
                (true, false) => {
                    push(start, end, self.state);
                    push(end, ONE_DAY.max(end + OPEN_END_MINUTES), self.state.min(State::Unknown));
                }
            }
        }
        spans
    }
}

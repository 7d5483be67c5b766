//! From the hours of days to moments, through the time zone.
//!
//! A local time that the clock skips means the moment of the jump; one that it shows twice means the first. Both keep the
//! order of times, so that what follows one another on the clock does so in time.

use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use crate::day::PlacedHours;
use crate::pieces::{DAY, Piece, State};

/// A part of time with one state and comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch<T> {
    /// When it begins.
    pub start: T,
    /// When it ends.
    pub end: T,
    /// What the place is meanwhile.
    pub state: State,
    /// What the text says about it.
    pub comment: Option<Arc<str>>,
}

/// What a place is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What it is.
    pub state: State,
    /// Since when, at least.
    pub since: Timestamp,
    /// Until when; `None` if nothing changes for as long as was looked ahead.
    pub until: Option<Timestamp>,
}

/// The moment of a local time.
pub fn moment_of(time_zone: &TimeZone, local: DateTime) -> Timestamp {
    let ambiguous = time_zone.to_ambiguous_timestamp(local);
    let moment = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local)
        }
        AmbiguousOffset::Gap { after, .. } => after.to_timestamp(local).map(|before_the_jump| {
            time_zone.following(before_the_jump).next().map_or(before_the_jump, |jump| jump.timestamp())
        }),
    };
    moment.unwrap_or(if local.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

impl PlacedHours {
    /// All stretches but the plainly closed ones, in local time, from one midnight to another. Ends early: one
    /// more than `count` says that there are more.
    pub fn local_stretches(&self, from: Date, to: Date, count: usize) -> Vec<Stretch<DateTime>> {
        self.stretches(from, to, count, |local| local)
    }

    /// All stretches but the plainly closed ones, cut at the ends; empty without a time zone. Ends early: one more than
    /// `count` says that there are more.
    pub fn stretches_between(&self, from: Timestamp, to: Timestamp, count: usize) -> Vec<Stretch<Timestamp>> {
        let Some(time_zone) = self.time_zone() else { return Vec::new() };
        let (first, last) = (time_zone.to_datetime(from).date(), time_zone.to_datetime(to).date());
        // The day after the last: a clock may be set back over midnight.
        let last = last.saturating_add(2.days());
        self.stretches(first, last, count, |local| moment_of(time_zone, local).clamp(from, to))
    }

    fn stretches<T: Copy + Ord>(
        &self,
        from: Date,
        to: Date,
        count: usize,
        moment: impl Fn(DateTime) -> T,
    ) -> Vec<Stretch<T>> {
        let mut stretches: Vec<Stretch<T>> = Vec::new();
        for date in dates(from).take_while(|date| *date < to) {
            for Piece { start, end, state, comment, .. } in self.day(date) {
                if state == State::Closed && comment.is_none() {
                    continue;
                }
                let (start, end) = (moment(at_minute(date, start)), moment(at_minute(date, end)));
                if start >= end {
                    continue;
                }
                if let Some(last) = stretches.last_mut().filter(|last| last.end == start)
                    && (last.state, &last.comment) == (state, &comment)
                {
                    last.end = end;
                } else if stretches.len() > count {
                    return stretches;
                } else {
                    stretches.push(Stretch { start, end, state, comment });
                }
            }
        }
        stretches
    }

    /// What the place is at a moment, looking ahead for so many days. `None` without a time zone.
    pub fn now(&self, at: Timestamp, days_ahead: u16) -> Option<Now> {
        let time_zone = self.time_zone()?;
        let today = time_zone.to_datetime(at).date();
        let first = today.yesterday().unwrap_or(today);
        let mut now = Now { state: State::Closed, since: moment_of(time_zone, first.at(0, 0, 0, 0)), until: None };
        // The newest change, as long as it is not clear that it is one: a stretch may vanish where the clock jumps.
        let mut change: Option<(Timestamp, State)> = None;
        let mut seen = State::Closed;
        for date in dates(first).take(usize::from(days_ahead) + 2) {
            for (minute, state) in states(&self.day(date)) {
                if state == seen {
                    continue;
                }
                seen = state;
                let moment = moment_of(time_zone, at_minute(date, minute));
                match change {
                    Some((before, _)) if before == moment => {}
                    Some((before, state)) if state != now.state => {
                        if before > at {
                            return Some(Now { until: Some(before), ..now });
                        }
                        now = Now { state, since: before, until: None };
                    }
                    _ => {}
                }
                change = Some((moment, state));
            }
        }
        match change {
            Some((moment, state)) if state != now.state && moment > at => Some(Now { until: Some(moment), ..now }),
            Some((moment, state)) if state != now.state => Some(Now { state, since: moment, until: None }),
            _ => Some(now),
        }
    }
}

/// The states of a day with the minutes from which on they hold, closed ones included.
fn states(pieces: &[Piece]) -> impl Iterator<Item = (u16, State)> + '_ {
    let mut at = 0;
    let holes = pieces.iter().flat_map(move |piece| {
        let hole = (at < piece.start).then_some((at, State::Closed));
        at = piece.end;
        hole.into_iter().chain([(piece.start, piece.state)])
    });
    let end = pieces.last().map_or(0, |piece| piece.end);
    holes.chain((end < DAY).then_some((end, State::Closed)))
}

fn dates(from: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(from), |date| date.tomorrow().ok())
}

fn at_minute(date: Date, minute: u16) -> DateTime {
    if minute >= DAY {
        return date.tomorrow().unwrap_or(date).to_datetime(Time::midnight());
    }
    let hour = i8::try_from(minute / 60).expect("a day has 24 hours");
    let minute = i8::try_from(minute % 60).expect("an hour has 60 minutes");
    date.at(hour, minute, 0, 0)
}

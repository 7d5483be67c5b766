//! What a day is like by all rules together.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use opening_hours_syntax::rules::time::TimeEvent;

use crate::Place;
use crate::calendar::{Calendar, Holiday, sun};
use crate::pieces::{DAY, Layer, Piece, State, merge};
use crate::rules::{Holidays, Hours, Joint, Rule};

/// Opening hours where they hold.
///
/// A rule's times belong to the day on which they begin, also when they end on the next: `Fr 22:00-04:00; Sa off` is open
/// until Saturday, 4 o'clock, and `Mo-Th 18:00-02:00; Fr 18:00-24:00` until Friday, 2 o'clock.
#[derive(Debug, Clone)]
pub struct PlacedHours {
    hours: Hours,
    calendar: Calendar,
    time_zone: Option<TimeZone>,
    point: Option<(f64, f64)>,
}

impl PlacedHours {
    /// Hours at a place.
    pub fn new(hours: Hours, place: Place) -> Self {
        let calendar = Calendar::of(place.country.as_deref());
        Self { hours, calendar, time_zone: place.time_zone, point: place.point }
    }

    /// What they say about holidays.
    pub fn holidays(&self) -> Holidays {
        self.hours.holidays(&self.calendar)
    }

    /// The time zone of the place.
    pub fn time_zone(&self) -> Option<&TimeZone> {
        self.time_zone.as_ref()
    }

    /// The pieces of a day from midnight to midnight, what began the day before among them.
    pub(crate) fn day(&self, date: Date) -> Layer {
        let own = self.begun_on(date);
        let from_yesterday: Layer = match date.yesterday() {
            Ok(yesterday) => self.begun_on(yesterday).into_iter().filter_map(into_next_day).collect(),
            Err(_) => Layer::new(),
        };
        let mut day = if from_yesterday.is_empty() { own } else { merge(&own, &from_yesterday, stronger) };
        day.retain_mut(|piece| {
            piece.end = piece.end.min(DAY);
            piece.start < piece.end
        });
        day
    }

    /// The pieces that begin on a day, up to the end of the next.
    fn begun_on(&self, date: Date) -> Layer {
        let mut layer = Layer::new();
        for (place, rule) in self.hours.rules.iter().enumerate() {
            let applies = rule.days.contain(date, &self.calendar);
            if applies == Holiday::No {
                continue;
            }
            let applied = apply(rule, &layer, self.pieces(place, rule, date));
            layer = if applies == Holiday::Yes { applied } else { perhaps(&layer, &applied, place) };
        }
        layer
    }

    /// The pieces of one rule on a day.
    fn pieces(&self, place: usize, rule: &Rule, date: Date) -> Layer {
        let spans = rule.spans(|event| self.minute_of_sun(date, event));
        let mut layer = Layer::new();
        for span in spans {
            let piece = Piece {
                start: span.start,
                end: span.end,
                state: span.state,
                comment: rule.comment.clone(),
                rule: place,
                whole_day: rule.whole_day,
            };
            // Times are mostly in order; where they overlap, the more open one counts.
            match layer.last() {
                Some(last) if last.end > piece.start => layer = merge(&layer, &[piece], stronger),
                _ => layer.push(piece),
            }
        }
        layer
    }

    /// Minutes after the day's midnight.
    fn minute_of_sun(&self, date: Date, event: TimeEvent) -> Option<i32> {
        let local = self.time_zone.as_ref()?.to_datetime(sun(self.point?, date, event)?);
        let days = (local.date() - date).get_days();
        // Where the clock is far from the sun it may happen on the day before or after.
        Some(days * i32::from(DAY) + i32::from(local.hour()) * 60 + i32::from(local.minute()))
    }
}

/// A rule after those before it.
fn apply(rule: &Rule, before: &[Piece], pieces: Layer) -> Layer {
    match (rule.joint, rule.state) {
        (Joint::Replaces, State::Open | State::Unknown) => pieces,
        // On a day off nothing begins, also no night that would end on the next.
        (Joint::Replaces | Joint::Adds, State::Closed) if rule.whole_day => pieces,
        (Joint::Replaces, State::Closed) | (Joint::Adds, _) => merge(before, &pieces, |below, above| above.or(below)),
        (Joint::FallsBack, _) => {
            merge(before, &pieces, |below, above| below.filter(|below| below.state > State::Closed).or(above).or(below))
        }
    }
}

/// A rule of which nobody knows whether it holds on this day: where it would make a difference, it is unknown.
fn perhaps(without: &[Piece], with: &[Piece], place: usize) -> Layer {
    let unsure = Piece { start: 0, end: 0, state: State::Unknown, comment: None, rule: place, whole_day: true };
    let state = |piece: Option<&Piece>| piece.map_or(State::Closed, |piece| piece.state);
    merge(without, with, |without, with| if state(without) == state(with) { without.or(with) } else { Some(&unsure) })
}

/// What remains of a piece on the day after.
fn into_next_day(piece: Piece) -> Option<Piece> {
    (piece.end > DAY).then(|| Piece { start: piece.start.max(DAY) - DAY, end: piece.end - DAY, ..piece })
}

/// Which of two holds: of its own day, and of the night before.
fn stronger<'p>(own: Option<&'p Piece>, night: Option<&'p Piece>) -> Option<&'p Piece> {
    let (Some(a), Some(b)) = (own, night) else { return own.or(night) };
    match (a.state, b.state) {
        // A day off does not end the night before; times that are taken out are taken out of whatever came before them.
        (State::Closed, _) if a.whole_day => Some(b),
        (_, State::Closed) if b.whole_day => Some(a),
        (State::Closed, _) | (_, State::Closed) => Some(if b.rule > a.rule { b } else { a }),
        _ => Some(if b.state > a.state { b } else { a }),
    }
}

//! Pieces of a day, and how one layer of them lies over another.

use std::sync::Arc;

/// A day in minutes.
pub(crate) const DAY: u16 = 24 * 60;

/// What a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Closed.
    Closed,
    /// Perhaps open: it depends on what the comment says, or on what is not known here.
    Unknown,
    /// Open.
    Open,
}

/// A part of a day with one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Minutes after the day's midnight; the end may lie in the day after, up to 48:00.
    pub(crate) start: u16,
    pub(crate) end: u16,
    pub(crate) state: State,
    pub(crate) comment: Option<Arc<str>>,
    /// The place of its rule in the text.
    pub(crate) rule: usize,
    /// The rule names no times.
    pub(crate) whole_day: bool,
}

/// Pieces in order of time that do not overlap. Where there is none it is closed.
pub(crate) type Layer = Vec<Piece>;

/// Two layers as one. `pick` chooses where both have a piece.
pub(crate) fn merge<'p>(
    below: &'p [Piece],
    above: &'p [Piece],
    pick: impl Fn(Option<&'p Piece>, Option<&'p Piece>) -> Option<&'p Piece>,
) -> Layer {
    let mut merged: Layer = Vec::with_capacity(below.len() + above.len());
    let (mut below, mut above) = (below.iter().peekable(), above.iter().peekable());
    let mut at = 0;
    loop {
        while below.next_if(|piece| piece.end <= at).is_some() {}
        while above.next_if(|piece| piece.end <= at).is_some() {}
        let (low, high) = (below.peek().copied(), above.peek().copied());
        // Up to here nothing begins and nothing ends.
        let next = |piece: Option<&Piece>| piece.map(|piece| if piece.start > at { piece.start } else { piece.end });
        let Some(until) = [next(low), next(high)].into_iter().flatten().min() else { return merged };
        let here = |piece: Option<&'_ Piece>| piece.is_some_and(|piece| piece.start <= at);
        let chosen = pick(low.filter(|_| here(low)), high.filter(|_| here(high)));
        if let Some(chosen) = chosen {
            match merged.last_mut() {
                Some(last) if last.end == at && same(last, chosen) => last.end = until,
                _ => merged.push(Piece { start: at, end: until, ..chosen.clone() }),
            }
        }
        at = until;
    }
}

fn same(a: &Piece, b: &Piece) -> bool {
    (a.state, &a.comment, a.rule, a.whole_day) == (b.state, &b.comment, b.rule, b.whole_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: u16, end: u16, rule: usize) -> Piece {
        Piece { start, end, state: State::Open, comment: None, rule, whole_day: false }
    }

    fn over(below: &[Piece], above: &[Piece]) -> Vec<(u16, u16, usize)> {
        merge(below, above, |low, high| high.or(low)).iter().map(|p| (p.start, p.end, p.rule)).collect()
    }

    #[test]
    fn what_lies_above_covers_what_lies_below() {
        let below = [piece(10, 20, 0), piece(30, 40, 0)];
        assert_eq!(over(&below, &[]), [(10, 20, 0), (30, 40, 0)]);
        assert_eq!(over(&[], &below), [(10, 20, 0), (30, 40, 0)]);
        assert_eq!(over(&below, &[piece(12, 15, 1)]), [(10, 12, 0), (12, 15, 1), (15, 20, 0), (30, 40, 0)]);
        assert_eq!(over(&below, &[piece(5, 35, 1)]), [(5, 35, 1), (35, 40, 0)]);
        assert_eq!(over(&below, &[piece(20, 30, 1)]), [(10, 20, 0), (20, 30, 1), (30, 40, 0)]);
        assert_eq!(over(&below, &[piece(20, 30, 0)]), [(10, 40, 0)], "neighbours that are the same become one");
    }
}

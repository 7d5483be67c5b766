//! How fast a rebuild goes, so that its end can be told.

use std::time::Instant;

use events::Position;

/// A position, and when its rows were there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    pub(super) position: Position,
    pub(super) at: Instant,
}

impl Reached {
    pub(super) fn now(position: Position) -> Self {
        Self { position, at: Instant::now() }
    }

    /// Events per second from an earlier moment to this one.
    fn rate_since(self, earlier: Self) -> f64 {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        self.position.0.saturating_sub(earlier.position.0) as f64 / seconds.max(f64::EPSILON)
    }
}

/// Positions go up by whole batches, and the first one overlaps with nothing yet: the pace is that between batches.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) begun: Reached,
    /// After the first batch, and after the newest one.
    batches: Option<(Reached, Reached)>,
}

impl From<Reached> for Pace {
    fn from(begun: Reached) -> Self {
        Self { begun, batches: None }
    }
}

impl Pace {
    /// Remembers when a batch came in.
    pub(super) fn look(&mut self, reached: Reached) {
        let (first, newest) = self.batches.unwrap_or((reached, self.begun));
        if reached.position > newest.position {
            self.batches = Some((first, reached));
        }
    }

    /// Events per second; as long as there are no two batches, all of the time until now counts.
    pub(super) fn events_per_second(&self, now: Reached) -> f64 {
        match self.batches {
            Some((first, newest)) if first.position < newest.position => newest.rate_since(first),
            _ => now.rate_since(self.begun),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_slow_first_batch_and_the_wait_for_the_next_do_not_count() {
        let begun = Instant::now();
        let reached =
            |position, seconds| Reached { position: Position(position), at: begun + Duration::from_secs(seconds) };
        let mut pace = Pace::from(reached(10, 0));
        assert!(pace.events_per_second(reached(10, 5)) < f64::EPSILON);
        pace.look(reached(10, 5));
        pace.look(reached(1_010, 10));
        assert!((pace.events_per_second(reached(1_010, 20)) - 50.0).abs() < 1e-9, "all the time so far");
        pace.look(reached(1_010, 11));
        pace.look(reached(2_010, 12));
        pace.look(reached(3_010, 14));
        assert!((pace.events_per_second(reached(3_010, 100)) - 500.0).abs() < 1e-9, "2000 events in 4 seconds");
    }
}

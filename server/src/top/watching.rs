//! From what the server told, one time after the other, to what is seen.

use jiff::Timestamp;

use super::asking::Told;
use super::changes::Changes;
use super::overview::Overview;
use super::view::View;

/// Remembers what was told last, or since when nothing was.
#[derive(Default)]
pub(super) struct Watch {
    last: Option<Told>,
    silent_since: Option<Timestamp>,
}

impl Watch {
    /// What is seen now.
    pub(super) fn take(&mut self, answer: anyhow::Result<Told>, now: Timestamp) -> View {
        match answer {
            Ok(told) => self.told(told, now),
            Err(error) => self.silent(&error, now),
        }
    }

    fn told(&mut self, told: Told, now: Timestamp) -> View {
        self.silent_since = None;
        let address = told.address.clone();
        let seen = self.last.as_ref().map(|last| overview(last, &told, now));
        self.last = Some(told);
        match seen {
            Some(overview) => View::Running { address, overview: Box::new(overview) },
            None => View::Measuring { address },
        }
    }

    fn silent(&mut self, error: &anyhow::Error, now: Timestamp) -> View {
        // What grew during a silence says nothing about now.
        self.last = None;
        let since = *self.silent_since.get_or_insert(now);
        View::Unreachable {
            since: since.strftime("%H:%M:%S UTC").to_string(),
            seconds: now.duration_since(since).as_secs_f64(),
            reason: format!("{error:#}"),
        }
    }
}

/// What happened between two answers, seen now.
pub(super) fn overview(before: &Told, after: &Told, now: Timestamp) -> Overview {
    let seconds = after.at.saturating_duration_since(before.at).as_secs_f64();
    Overview::of(&Changes::between(&before.scrape, &after.scrape, seconds), now.as_microsecond() as f64 / 1e6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use anyhow::anyhow;

    use super::super::scrape::Scrape;
    use super::*;

    #[test]
    fn a_server_that_goes_away_is_said_to_and_measured_anew_when_it_is_back() {
        let begun = Instant::now();
        let now = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let told = |second: u64, position: u64| Told {
            address: "127.0.0.1:8081".to_owned(),
            at: begun + Duration::from_secs(second),
            scrape: Scrape::parse(&format!("lawless_journal_head_position {position}\n")).unwrap(),
        };
        let mut watch = Watch::default();
        let first = watch.take(Ok(told(0, 10)), now(0));
        assert_eq!(first, View::Measuring { address: "127.0.0.1:8081".to_owned() });
        let View::Running { overview, .. } = watch.take(Ok(told(2, 30)), now(2)) else { panic!("two make a rate") };
        assert_eq!((overview.journal.position, overview.journal.events), (30.0, 10.0));

        for (second, seconds) in [(3, 0.0), (10, 7.0)] {
            let view = watch.take(Err(anyhow!("inner").context("outer")), now(second));
            let (since, reason) = ("08:00:03 UTC".to_owned(), "outer: inner".to_owned());
            assert_eq!(view, View::Unreachable { since, seconds, reason });
        }
        assert!(matches!(watch.take(Ok(told(9, 1_000)), now(11)), View::Measuring { .. }), "no rate over the silence");
        assert!(
            matches!(watch.take(Err(anyhow!("x")), now(12)), View::Unreachable { seconds: 0.0, .. }),
            "another one"
        );
    }
}

//! What happened between two scrapes.

use super::scrape::{Labels, Scrape, have};

/// Tells one process from the next.
const STARTED: &str = "process_start_time_seconds";

/// Two scrapes, and the time between them.
pub(super) struct Changes<'a> {
    before: &'a Scrape,
    after: &'a Scrape,
    seconds: f64,
    /// Every counter began anew with another process.
    restarted: bool,
}

impl<'a> Changes<'a> {
    /// What happened between these two.
    pub(super) fn between(before: &'a Scrape, after: &'a Scrape, seconds: f64) -> Self {
        let restarted = before.value(STARTED, &[]) != after.value(STARTED, &[]);
        Self { before, after, seconds, restarted }
    }

    /// The later one.
    pub(super) fn after(&self) -> &'a Scrape {
        self.after
    }

    /// By how much the counters of this name with these labels grew in a second.
    pub(super) fn rate(&self, counter: &str, wanted: &[(&str, &str)]) -> f64 {
        self.per_second(self.growth(counter, wanted))
    }

    /// By how much the counters of this name with these labels grew.
    pub(super) fn growth(&self, counter: &str, wanted: &[(&str, &str)]) -> f64 {
        let matching = self.after.series(counter).filter(|(labels, _)| have(labels, wanted));
        // An empty sum of floats would be -0.
        matching.fold(0.0, |sum, (labels, after)| sum + self.growth_of(counter, labels, after))
    }

    /// How fast a number rose that outlives the process, as a position does; 0 if it fell.
    pub(super) fn rise(&self, gauge: &str, wanted: &[(&str, &str)]) -> f64 {
        let of = |scrape: &Scrape| scrape.value(gauge, wanted);
        self.per_second(of(self.after).zip(of(self.before)).map_or(0.0, |(after, before)| (after - before).max(0.0)))
    }

    /// What histograms of this name with these labels took up, together.
    pub(super) fn distribution(&self, histogram: &str, wanted: &[(&str, &str)]) -> Distribution {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        let name = format!("{histogram}_bucket");
        for (labels, after) in self.after.series(&name).filter(|(labels, _)| have(labels, wanted)) {
            let Some(bound) = labels.get("le").and_then(|bound| bound.parse::<f64>().ok()) else { continue };
            let growth = self.growth_of(&name, labels, after);
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += growth,
                None => buckets.push((bound, growth)),
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let count = self.growth(&format!("{histogram}_count"), wanted);
        Distribution { buckets, count, sum: self.growth(&format!("{histogram}_sum"), wanted) }
    }

    /// A counter that went back began at 0 again meanwhile.
    fn growth_of(&self, name: &str, labels: &Labels, after: f64) -> f64 {
        let before = if self.restarted { 0.0 } else { self.before.exactly(name, labels).unwrap_or(0.0) };
        if after < before { after } else { after - before }
    }

    fn per_second(&self, growth: f64) -> f64 {
        if self.seconds > 0.0 { growth / self.seconds } else { 0.0 }
    }
}

/// What histograms took up: how many were at most so large, by bound.
#[derive(Debug, PartialEq)]
pub(super) struct Distribution {
    buckets: Vec<(f64, f64)>,
    count: f64,
    sum: f64,
}

impl Distribution {
    /// The mean; nothing if nothing was taken up.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// What this share of them was at most, as exactly as buckets tell it; nothing if nothing was taken up.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let total = self.buckets.last().map(|(_, count)| *count).filter(|total| *total > 0.0)?;
        let rank = share * total;
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, count) in &self.buckets {
            if *count >= rank {
                // Nothing is known of what is beyond the last bound, but that it is beyond.
                let within = if *count > below { (rank - below) / (count - below) } else { 1.0 };
                return Some(if bound.is_finite() { lower + (bound - lower) * within } else { lower });
            }
            (lower, below) = (*bound, *count);
        }
        Some(lower)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scrape(text: &str) -> Scrape {
        Scrape::parse(text).unwrap()
    }

    #[test]
    fn a_rate_is_what_a_counter_grew_by_in_a_second() {
        let before = scrape("reads{class=\"2xx\"} 100\nreads{class=\"4xx\"} 7\nhead 50\n");
        let after = scrape("reads{class=\"2xx\"} 160\nreads{class=\"4xx\"} 7\nreads{class=\"5xx\"} 4\nhead 90\n");
        let changes = Changes::between(&before, &after, 2.0);
        assert_eq!(changes.rate("reads", &[("class", "2xx")]), 30.0);
        assert_eq!(changes.rate("reads", &[("class", "5xx")]), 2.0, "a series that is new grew from 0 on");
        assert_eq!((changes.rate("reads", &[]), changes.rate("writes", &[])), (32.0, 0.0));
        assert_eq!((changes.rise("head", &[]), changes.rise("none", &[])), (20.0, 0.0));
        assert_eq!(Changes::between(&before, &after, 0.0).rate("reads", &[]), 0.0, "no time, no rate");
    }

    #[test]
    fn what_went_back_began_at_nothing() {
        let before = scrape("reads 1000\nwrites 3\nhead 90\n");
        let after = scrape("reads 8\nwrites 5\nhead 50\n");
        let changes = Changes::between(&before, &after, 2.0);
        assert_eq!(
            (changes.rate("reads", &[]), changes.rate("writes", &[]), changes.rise("head", &[])),
            (4.0, 1.0, 0.0)
        );

        // Another process may have counted further already than the last one had.
        let (before, after) = ("process_start_time_seconds 1\nwrites 3\n", "process_start_time_seconds 2\nwrites 5\n");
        let (before, after) = (scrape(before), scrape(after));
        assert_eq!(Changes::between(&before, &after, 1.0).rate("writes", &[]), 5.0);
    }

    #[test]
    fn quantiles_are_those_of_what_was_taken_up_between() {
        let text = |counts: [u32; 4]| {
            let [one, two, four, all] = counts;
            format!(
                "took_bucket{{route=\"a\",le=\"1\"}} {one}\ntook_bucket{{route=\"a\",le=\"2\"}} {two}\n\
                 took_bucket{{route=\"a\",le=\"4\"}} {four}\ntook_bucket{{route=\"a\",le=\"+Inf\"}} {all}\n\
                 took_sum{{route=\"a\"}} {all}\ntook_count{{route=\"a\"}} {all}\n"
            )
        };
        let (before, after) = (scrape(&text([90, 90, 90, 90])), scrape(&text([90, 140, 180, 190])));
        let took = Changes::between(&before, &after, 1.0).distribution("took", &[("route", "a")]);
        assert_eq!(took.quantile(0.5), Some(2.0), "50 of 100 are at most 2, none at most 1");
        assert_eq!(took.quantile(0.25), Some(1.5), "half of those between 1 and 2");
        assert_eq!(took.quantile(0.7), Some(3.0));
        assert_eq!(took.quantile(0.99), Some(4.0), "beyond the last bound nothing is known");
        assert_eq!(took.mean(), Some(1.0));
        for nothing in [("took", "b"), ("none", "a")] {
            let nothing = Changes::between(&before, &after, 1.0).distribution(nothing.0, &[("route", nothing.1)]);
            assert_eq!((nothing.quantile(0.5), nothing.mean()), (None, None));
        }
        let quiet = Changes::between(&after, &after, 1.0).distribution("took", &[]);
        assert_eq!((quiet.quantile(0.5), quiet.mean()), (None, None));
    }
}

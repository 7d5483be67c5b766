//! Reads the text format of Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// The labels of a series.
pub(super) type Labels = BTreeMap<String, String>;

/// What `/metrics` said at one moment: numbers by name and labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scrape {
    families: BTreeMap<String, BTreeMap<Labels, f64>>,
}

/// A line that is not of the format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line} of the metrics is not a number with a name: {text:?}")]
pub(super) struct ScrapeError {
    line: usize,
    text: String,
}

/// What an error shows of a line.
const SHOWN: usize = 80;

impl Scrape {
    /// Reads all of it.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, ScrapeError> {
        let mut families: BTreeMap<String, BTreeMap<Labels, f64>> = BTreeMap::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || ScrapeError { line: index + 1, text: line.chars().take(SHOWN).collect() };
            let (name, labels, value) = sample(line).ok_or_else(wrong)?;
            families.entry(name.to_owned()).or_default().insert(labels, value);
        }
        Ok(Self { families })
    }

    /// The series of a name.
    pub(super) fn series(&self, name: &str) -> impl Iterator<Item = (&Labels, f64)> {
        self.families.get(name).into_iter().flatten().map(|(labels, value)| (labels, *value))
    }

    /// The number of exactly this series.
    pub(super) fn exactly(&self, name: &str, labels: &Labels) -> Option<f64> {
        self.families.get(name)?.get(labels).copied()
    }

    /// The number of the first series that has these labels.
    pub(super) fn value(&self, name: &str, wanted: &[(&str, &str)]) -> Option<f64> {
        self.series(name).find(|(labels, _)| have(labels, wanted)).map(|(_, value)| value)
    }

    /// The values that a label has.
    pub(super) fn values_of(&self, name: &str, label: &str) -> BTreeSet<&str> {
        self.families
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|(labels, _)| Some(labels.get(label)?.as_str()))
            .collect()
    }
}

/// Whether the labels of a series are among others these.
pub(super) fn have(labels: &Labels, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(label, value)| labels.get(*label).is_some_and(|found| found == value))
}

/// `name value`, `name{label="value",...} value`, both perhaps with a time behind.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Labels::new(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    let time_or_nothing = words.next().is_none_or(|time| time.parse::<i64>().is_ok()) && words.next().is_none();
    (!name.is_empty() && time_or_nothing).then_some((name, labels, value))
}

/// What stands between braces, and what comes behind. A value may itself hold braces, commas and quotes.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (label, after) = rest.split_once('=')?;
        let mut value = String::new();
        let mut characters = after.trim_start().strip_prefix('"')?.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(match characters.next()? {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        labels.insert(label.trim().to_owned(), value);
        rest = characters.as_str().trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_name_and_labels() {
        let text = "# HELP reads Reads\n# TYPE reads counter\n\
            reads{route=\"/v1/{id}\",class=\"2xx\"} 3\nreads{route=\"/v1/{id}\",class=\"4xx\",} 1 1700000000000\n\
            reads{route=\"a \\\"b\\\", \\\\c\\n\"} 1e3\n\nempty{} 0\nsize 1.5\nbeyond +Inf\nunknown NaN\n";
        let scrape = Scrape::parse(text).unwrap();
        assert_eq!(scrape.value("reads", &[("class", "4xx")]), Some(1.0));
        assert_eq!(scrape.value("reads", &[("route", "/v1/{id}"), ("class", "2xx")]), Some(3.0));
        assert_eq!(scrape.value("reads", &[("route", "a \"b\", \\c\n")]), Some(1_000.0));
        assert_eq!(scrape.values_of("reads", "class").into_iter().collect::<Vec<_>>(), ["2xx", "4xx"]);
        assert_eq!((scrape.value("empty", &[]), scrape.value("size", &[])), (Some(0.0), Some(1.5)));
        assert_eq!(scrape.value("beyond", &[]), Some(f64::INFINITY));
        assert!(scrape.value("unknown", &[]).unwrap().is_nan());
        assert_eq!(scrape.value("none", &[]), None);
        assert_eq!(scrape.value("reads", &[("class", "5xx")]), None);
    }

    #[test]
    fn what_is_no_metric_is_named_with_its_line() {
        for line in [
            "<html>",
            "name",
            "name{a=\"b\" 1",
            "name{a=\"b} 1",
            "name{a=b} 1",
            "name{a=\"b\"c} 1",
            "name x",
            "{} 1",
            "a 1 2 3",
        ] {
            let error = Scrape::parse(&format!("# fine\nfine 1\n{line}\n")).unwrap_err();
            assert_eq!(error, ScrapeError { line: 3, text: line.to_owned() });
        }
    }
}

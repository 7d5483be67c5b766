//! One measured figure, what it is held against, and how both are shown.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// What a [`Bound`] looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The figure itself.
    Value,
    /// The figure divided by its control.
    Ratio,
}

/// Which side of a [`Bound`] is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Op {
    /// Larger is better.
    #[serde(rename = ">=")]
    AtLeast,
    /// Smaller is better.
    #[serde(rename = "<=")]
    AtMost,
}

/// A figure that must be reached, or should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bound {
    /// What is compared.
    pub of: Of,
    /// Which side is good.
    pub op: Op,
    /// The limit.
    pub value: f64,
}

impl Bound {
    /// The figure must be at least this.
    pub fn value_at_least(value: f64) -> Self {
        Self { of: Of::Value, op: Op::AtLeast, value }
    }

    /// The figure must be at most this.
    pub fn value_at_most(value: f64) -> Self {
        Self { of: Of::Value, op: Op::AtMost, value }
    }

    /// The figure must be at least this many times its control.
    pub fn ratio_at_least(value: f64) -> Self {
        Self { of: Of::Ratio, op: Op::AtLeast, value }
    }

    /// The figure must be at most this many times its control.
    pub fn ratio_at_most(value: f64) -> Self {
        Self { of: Of::Ratio, op: Op::AtMost, value }
    }

    fn symbol(self) -> &'static str {
        match self.op {
            Op::AtLeast => "≥",
            Op::AtMost => "≤",
        }
    }
}

/// One line of the table that `cargo xtask bench` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Names it: `bench/figure`.
    pub id: String,
    /// The figure.
    pub value: f64,
    /// What it counts, for example `events/s`.
    pub unit: String,
    /// The same figure of the control, measured in turns with it.
    pub control: Option<f64>,
    /// The figure divided by the control, turn by turn; the median.
    pub ratio: Option<f64>,
    /// How far two neighbouring runs of the same thing were apart, as a fraction: what the machine does to a figure.
    pub spread: Option<f64>,
    /// Decides whether the product is good enough.
    pub must: Option<Bound>,
    /// What we aim at.
    pub goal: Option<Bound>,
}

impl Measurement {
    /// A figure by itself.
    pub fn new(id: &str, value: f64, unit: &str) -> Self {
        Self {
            id: id.to_owned(),
            value,
            unit: unit.to_owned(),
            control: None,
            ratio: None,
            spread: None,
            must: None,
            goal: None,
        }
    }

    /// What the figure is held against.
    #[must_use]
    pub fn against(mut self, control: f64, ratio: f64) -> Self {
        (self.control, self.ratio) = (Some(control), Some(ratio));
        self
    }

    /// How far two runs of the same thing were apart.
    #[must_use]
    pub fn spread(mut self, spread: f64) -> Self {
        self.spread = Some(spread);
        self
    }

    /// The figure that decides.
    #[must_use]
    pub fn must(mut self, bound: Bound) -> Self {
        self.must = Some(bound);
        self
    }

    /// The figure that is aimed at.
    #[must_use]
    pub fn goal(mut self, bound: Bound) -> Self {
        self.goal = Some(bound);
        self
    }

    /// Whether a bound is kept; a ratio that was not measured keeps none.
    pub fn keeps(&self, bound: Bound) -> bool {
        let figure = match bound.of {
            Of::Value => Some(self.value),
            Of::Ratio => self.ratio,
        };
        figure.is_some_and(|figure| match bound.op {
            Op::AtLeast => figure >= bound.value,
            Op::AtMost => figure <= bound.value,
        })
    }

    fn verdict(&self, bound: Option<Bound>) -> String {
        let Some(bound) = bound else { return String::new() };
        let times = if bound.of == Of::Ratio { "x" } else { "" };
        let kept = if self.keeps(bound) { "kept" } else { "MISSED" };
        format!("{} {}{times} {kept}", bound.symbol(), number(bound.value))
    }
}

/// The middle one; of an even number the mean of the two in the middle. 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Prints one table of all figures.
pub fn print_table(measurements: &[Measurement]) {
    let header = ["figure", "value", "unit", "control", "ratio", "spread", "must", "goal"].map(str::to_owned);
    let optional = |value: Option<f64>| value.map(number).unwrap_or_default();
    let rows: Vec<[String; 8]> = measurements
        .iter()
        .map(|m| {
            [
                m.id.clone(),
                number(m.value),
                m.unit.clone(),
                optional(m.control),
                optional(m.ratio),
                m.spread.map(|s| format!("±{:.0} %", s * 100.0)).unwrap_or_default(),
                m.verdict(m.must),
                m.verdict(m.goal),
            ]
        })
        .collect();
    let width = |column: usize| {
        std::iter::once(&header).chain(&rows).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

/// Three significant digits, thousands apart: what a figure of a shared machine is worth.
fn number(value: f64) -> String {
    if value == 0.0 || value.abs() >= 100.0 {
        let digits = format!("{:.0}", value.abs());
        let mut text = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        return if value < 0.0 { format!("-{text}") } else { text };
    }
    let decimals = (2.0 - value.abs().log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

/// Writes the figures of one bench to `<folder>/<name>.json`.
pub fn write_json(folder: &Path, name: &str, measurements: &[Measurement]) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.json"));
    let json = serde_json::to_vec_pretty(measurements).context("encoding the figures")?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    std::fs::write(&path, json).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_looks_at_what_it_names() {
        let measurement = Measurement::new("a/b", 10.0, "ms").against(20.0, 0.5);
        assert!(measurement.keeps(Bound::value_at_most(10.0)));
        assert!(!measurement.keeps(Bound::value_at_least(10.1)));
        assert!(measurement.keeps(Bound::ratio_at_least(0.5)));
        assert!(!Measurement::new("a/b", 10.0, "ms").keeps(Bound::ratio_at_least(0.0)), "no control, no ratio");
    }

    #[test]
    fn figures_are_written_as_they_are_read() {
        let measurement = Measurement::new("a/b", 1.5, "ms").must(Bound::value_at_most(2.0));
        let json = serde_json::to_value(&measurement).expect("plain data");
        assert_eq!(json["must"], serde_json::json!({"of": "value", "op": "<=", "value": 2.0}));
        assert!(json["ratio"].is_null() && json["goal"].is_null());
        assert_eq!([1_234_567.0, 999.6, 12.345, 0.012_345].map(number), ["1,234,567", "1,000", "12.3", "0.0123"]);
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])], [2.0, 2.5]);
    }
}

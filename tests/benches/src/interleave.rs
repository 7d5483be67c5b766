//! Runs a subject and its control in turns, so that what else the machine does hits both.

use crate::measurement::{Measurement, median};

/// What subject and control did, turn by turn.
#[derive(Debug, Clone, Default)]
pub struct Interleaved {
    subject: Vec<f64>,
    control: Vec<f64>,
}

/// Runs subject and control in the order A B B A, `pairs` times over; each call gives a figure.
pub async fn interleave(
    pairs: usize,
    mut subject: impl AsyncFnMut() -> anyhow::Result<f64>,
    mut control: impl AsyncFnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Interleaved> {
    let mut runs = Interleaved::default();
    for _ in 0..pairs {
        runs.subject.push(subject().await?);
        runs.control.push(control().await?);
        runs.control.push(control().await?);
        runs.subject.push(subject().await?);
    }
    Ok(runs)
}

impl Interleaved {
    /// The median figure of the subject against the median of its control.
    pub fn measurement(&self, id: &str, unit: &str) -> Measurement {
        let ratios: Vec<f64> = self.subject.iter().zip(&self.control).map(|(s, c)| s / c).collect();
        Measurement::new(id, median(&self.subject), unit)
            .against(median(&self.control), median(&ratios))
            .spread(self.spread())
    }

    /// The widest gap between two control runs that followed each other.
    fn spread(&self) -> f64 {
        let gap = |pair: &[f64]| pair[0].max(pair[1]) / pair[0].min(pair[1]) - 1.0;
        self.control.chunks_exact(2).map(gap).fold(0.0, f64::max)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn subject_and_control_run_in_turns() {
        let order = RefCell::new(String::new());
        let run = async |name: char, figure: f64| {
            order.borrow_mut().push(name);
            Ok(figure * if order.borrow().len() == 2 { 1.1 } else { 1.0 })
        };
        let runs = interleave(2, async || run('s', 20.0).await, async || run('c', 10.0).await).await.unwrap();
        assert_eq!(*order.borrow(), "sccssccs");
        let measurement = runs.measurement("a/b", "events/s");
        assert_eq!((measurement.value, measurement.control, measurement.ratio), (20.0, Some(10.0), Some(2.0)));
        assert!((measurement.spread.unwrap() - 0.1).abs() < 1e-9, "the second run was 10 % off");
    }
}

//! What is read how often: the demo's curve of popularity.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Draws ranks from 0, each with weight `(rank + 20)^-1.04`.
pub(crate) struct Popularity {
    /// Running sums of the weights.
    sums: Vec<f64>,
}

impl Popularity {
    /// The curve over this many ranks.
    pub(crate) fn new(ranks: usize) -> Self {
        let mut sum = 0.0;
        let sums = (0..ranks)
            .map(|rank| {
                sum += (rank as f64 + 20.0).powf(-1.04);
                sum
            })
            .collect();
        Self { sums }
    }

    /// Draws one.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let end = self.sums.last().copied().unwrap_or_default();
        let point = rng.random::<f64>() * end;
        self.sums.partition_point(|sum| *sum <= point).min(self.sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn popular_ranks_come_more_often() {
        let (curve, mut rng) = (Popularity::new(1_000), ChaCha8Rng::seed_from_u64(1));
        let mut counts = vec![0_u32; 1_000];
        for _ in 0..100_000 {
            counts[curve.draw(&mut rng)] += 1;
        }
        let (top, tail): (u32, u32) = (counts[..100].iter().sum(), counts[900..].iter().sum());
        // The weights of the first hundred and the last hundred are as 1.5 to 0.08.
        assert!(top > 15 * tail && tail > 1_000, "{top} and {tail}");
    }
}

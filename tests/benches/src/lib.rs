//! Measures what the product promises, each thing beside its control in the same call.
//!
//! One module per bench; each gives [`Measurement`]s. `cargo xtask bench` runs them and writes what they say.

mod interleave;
pub mod journal;
mod measurement;

pub use interleave::{Interleaved, interleave};
pub use measurement::{Bound, Measurement, Of, Op, median, print_table, write_json};

/// How long and where benches run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Small sizes and few rounds: shows that the bench runs, its figures mean little.
    pub quick: bool,
    /// A folder for data that is dear to make and may be kept between runs.
    pub cache: std::path::PathBuf,
}

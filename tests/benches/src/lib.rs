//! Measures what the product promises, each thing beside its control in the same call.
//!
//! One module per bench; each gives [`Measurement`]s. `cargo xtask bench` runs them and writes what they say.

pub mod batch;
pub mod footprint;
pub mod import;
pub mod journal;
pub mod kafka;
pub mod latency;
pub mod live_rebuild;
pub mod postgres;
pub mod reads;
pub mod rebuild;

mod appends;
mod demo_folder;
mod interleave;
mod load;
mod made_up;
mod measurement;
mod popularity;
mod process;
mod refill;
mod spans;
mod static_server;

pub use interleave::{Interleaved, interleave};
pub use measurement::{Bound, Measurement, Of, Op, median, print_table, write_json};
pub use postgres::write_journal;
pub use static_server::serve_answer;

/// How long and where benches run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Small sizes and few rounds: shows that the bench runs, its figures mean little.
    pub quick: bool,
    /// A folder for data that is dear to make and may be kept between runs.
    pub cache: std::path::PathBuf,
}

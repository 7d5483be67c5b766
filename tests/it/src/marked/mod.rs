//! Commands that leave a trace each, and what a journal must hold after them: for programs that harm the server while it works.

mod business;
mod command;
mod seen;
mod trees;

pub use business::{Business, next_command};
pub use command::{Command, Kind, Mark};
pub use seen::{Acknowledged, Seen};
pub use trees::define_trees;

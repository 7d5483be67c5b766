//! The Lawless Directory, in one program.

use std::process::ExitCode;

use clap::Parser;
use lawless::cli::CommandLine;

/// A fold allocates millions of small rows that other threads free, and so does SQLite, whose heap this is, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match lawless::run(CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lawless: {error:#}");
            lawless::exit::exit_code(&error)
        }
    }
}

//! The Lawless Directory, in one program.

use std::process::ExitCode;

use clap::Parser;
use lawless::cli::CommandLine;

fn main() -> ExitCode {
    match lawless::run(CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lawless: {error:#}");
            lawless::exit::exit_code(&error)
        }
    }
}

//! Exit codes: what a script can tell from them, and which failure has which.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use event_log::JournalError;
use projectors::StoreError;
use thiserror::Error;

/// Printed under `--help`; the README has the same table.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
    0  done
    1  it failed; the message says why
    2  the command line is wrong
    3  the configuration or a mapping is wrong
    4  an address is in use
    5  the data folder is in use by another process
    6  the data folder has another format, or is not one
    7  the views do not belong to the journal of the data folder
    8  the data folder has data where an empty one is needed
  130  interrupted";

/// Why the program ends with a code of its own.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A setting or a mapping is wrong.
    #[error("the configuration is wrong: {0}")]
    Configuration(String),
    /// The address of a listener is taken.
    #[error(
        "{address} is in use (port {port}): something else listens there. Choose another with `{option} {host}:<port>`",
        port = address.port(), host = address.ip()
    )]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// The option that chooses it.
        option: &'static str,
    },
    /// Another process uses the folder.
    #[error("the data folder {} is in use by another process. Choose another with `--data`", .0.display())]
    FolderInUse(PathBuf),
    /// The folder is of another version, or of another program.
    #[error("the data folder {} {reason}. Nothing in it was touched. Choose another with `--data`", folder.display())]
    FolderFormat {
        /// The folder.
        folder: PathBuf,
        /// What is wrong, as in "the data folder X ...".
        reason: String,
    },
    /// The demo never enters a folder that has data.
    #[error(
        "the data folder {} has data, and the demo never mixes with it. Choose an empty one with `--data`", .0.display()
    )]
    FolderHasData(PathBuf),
    /// Stopped by a signal before the work was done.
    #[error("interrupted; run the same command again to go on")]
    Interrupted,
}

impl Refusal {
    fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 3,
            Self::AddressInUse { .. } => 4,
            Self::FolderInUse(_) => 5,
            Self::FolderFormat { .. } => 6,
            Self::FolderHasData(_) => 8,
            Self::Interrupted => 130,
        }
    }
}

/// The code for an error, wherever in its chain the reason stands.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.chain().find_map(|cause| {
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return Some(refusal.code());
        }
        if let Some(journal) = cause.downcast_ref::<JournalError>() {
            return match journal {
                JournalError::InUse { .. } => Some(5),
                JournalError::Format { .. } => Some(6),
                _ => None,
            };
        }
        match cause.downcast_ref::<StoreError>() {
            Some(StoreError::InUse { .. }) => Some(5),
            Some(StoreError::Foreign { .. }) => Some(7),
            _ => None,
        }
    });
    ExitCode::from(code.unwrap_or(1))
}

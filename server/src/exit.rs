//! Exit codes: what a script can tell from them, and which failure has which.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use event_log::JournalError;
use projectors::{GroupError, StoreError};
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
    8  a folder or database has data where an empty one is needed
    9  the backup is unfinished, damaged, or of another version
   10  more businesses are gone from an imported file than may be closed
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
    /// A journal is copied into an empty one only.
    #[error(
        "{place} holds journal {journal} with {head} events; give a database whose tables were made by `lawless \
         migrate` and that nobody used yet"
    )]
    DatabaseHasData {
        /// The database, without its password.
        place: String,
        /// What it holds.
        journal: String,
        /// Its newest position.
        head: u64,
    },
    /// Backups and what is restored go into folders of their own.
    #[error("{} is not empty; give a folder that is empty, or is not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// There is nothing there that could be restored.
    #[error("{} cannot be restored: {reason}", folder.display())]
    Backup {
        /// The folder of the backup.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An import closed nothing of what is gone.
    #[error("{0}")]
    TooMuchGone(String),
    /// Stopped by a signal before the work was done.
    #[error("interrupted; run the same command again to go on")]
    Interrupted,
}

impl Refusal {
    /// Mode distributed, in a program without its engines.
    #[cfg(not(feature = "distributed"))]
    pub(crate) fn not_built_in() -> Self {
        let how = "build it with `cargo build --release --features distributed`";
        Self::Configuration(format!("this program has no engines of mode distributed; {how}"))
    }

    /// What the tools of the database do.
    pub(crate) fn of_the_database(what: &str) -> Self {
        Self::Configuration(format!("{what} is for mode embedded; in mode distributed the journal lies in PostgreSQL"))
    }

    fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 3,
            Self::AddressInUse { .. } => 4,
            Self::FolderInUse(_) => 5,
            Self::FolderFormat { .. } => 6,
            Self::FolderHasData(_) | Self::NotEmpty(_) | Self::DatabaseHasData { .. } => 8,
            Self::Backup { .. } => 9,
            Self::TooMuchGone(_) => 10,
            Self::Interrupted => 130,
        }
    }
}

/// The code for an error, wherever in its chain the reason stands.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.chain().find_map(code_of).unwrap_or(1))
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return Some(refusal.code());
    }
    // It speaks for what it holds, which is then not in the chain.
    match cause.downcast_ref::<GroupError>() {
        Some(GroupError::Store(store)) => return store_code(store),
        Some(GroupError::Journal(journal)) => return journal_code(journal),
        Some(GroupError::Halted { .. }) | None => {}
    }
    cause.downcast_ref().and_then(journal_code).or_else(|| cause.downcast_ref().and_then(store_code))
}

fn journal_code(error: &JournalError) -> Option<u8> {
    match error {
        JournalError::InUse { .. } => Some(5),
        JournalError::Format { .. } => Some(6),
        _ => None,
    }
}

fn store_code(error: &StoreError) -> Option<u8> {
    match error {
        StoreError::InUse { .. } => Some(5),
        StoreError::Foreign { .. } => Some(7),
        _ => None,
    }
}

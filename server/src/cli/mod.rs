//! The command line.

mod backup;
mod copy;
mod migrate;
mod output;
mod projections;
mod rebuild;
mod relay;
mod verify;
mod verify_published;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub use backup::{adopt, restore, save_backup};
pub use copy::copy_journal;
pub use migrate::migrate;
pub use output::say;
pub use projections::{list_parked_events, list_projections, pause_projections, resume_projections, skip_parked_event};
pub use rebuild::rebuild_projections;
pub use relay::refill;
pub use verify::{verify_journal, verify_views};
pub use verify_published::verify_published;

use crate::config::{DataOverrides, ImportOverrides, LogFormat, LogOverrides, Mode, Overrides, ServerOverrides};
use crate::exit::EXIT_CODES_HELP;
use crate::import::FileRules;

/// The backend of a public business directory.
///
/// Without a command it starts everything: API, projections and documentation, on http://127.0.0.1:8080 with a demo
/// directory. Settings also come from a file and from the environment (LAWLESS_SERVER__LISTEN and so on).
#[derive(Debug, Parser)]
#[command(name = "lawless", version, after_help = EXIT_CODES_HELP, after_long_help = EXIT_CODES_HELP)]
pub struct CommandLine {
    /// What to do; `all` when left out.
    #[command(subcommand)]
    pub command: Option<Task>,
    /// Options of every command.
    #[command(flatten)]
    pub common: CommonOptions,
    /// Options of `all`.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct CommonOptions {
    /// Folder with everything that is kept [default: ./data]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub data: Option<PathBuf>,
    /// Which engines [default: embedded]
    #[arg(long, value_name = "MODE", global = true)]
    pub mode: Option<Mode>,
    /// File with settings (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Shape of the log on standard error [default: text]
    #[arg(long, value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
}

/// Options of `all`.
#[derive(Debug, Args, Clone, Default)]
pub struct ServeOptions {
    /// Where the API answers [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where health, metrics and the operator's endpoints answer [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Leave an empty data folder empty: no demo directory
    #[arg(long)]
    pub empty: bool,
}

/// Options of roles without an API.
#[derive(Debug, Args, Clone, Default)]
pub struct AdminOptions {
    /// Where health, metrics and the operator's endpoints answer [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
}

/// What to do about what Kafka carries.
#[derive(Debug, Subcommand)]
pub enum RelayTask {
    /// Remove the topic and carry all events anew, from the first one on
    ///
    /// For a topic that was cut off, or lost and made anew. Projectors that halted over it go on where they were when they
    /// are started again.
    Refill,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Start everything (the default)
    All(ServeOptions),
    /// Take commands only (mode distributed); any number of these may run
    CommandApi(ServeOptions),
    /// Answer reads only, from the views that `projectors` make in the same data folder (mode distributed)
    QueryApi(ServeOptions),
    /// Make the views from what Kafka carries (mode distributed); one on a data folder
    Projectors(AdminOptions),
    /// Carry events from the journal to Kafka (mode distributed); one works, the others stand by
    Relay {
        /// What to do instead
        #[command(subcommand)]
        task: Option<RelayTask>,
        /// Options of the running relay
        #[command(flatten)]
        admin: AdminOptions,
    },
    /// Fill an empty data folder with a made-up directory
    Demo {
        /// How many businesses [default: 5000]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
        businesses: Option<u64>,
        /// Another seed is another directory [default: 1]
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
    /// Bring in businesses from a CSV, NDJSON, JSON or GeoJSON file; again and again, without doubles
    ///
    /// The file may be gzipped, or a member of a zip archive. How its fields become businesses says the mapping: see
    /// docs/import.md, and mappings/ for some that are ready. A newer file changes what differs, keeps what an admin
    /// changed, and closes what is gone.
    Import {
        /// The file
        file: PathBuf,
        /// How its fields become businesses; see mappings/
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
        /// Where rejected rows and warnings are written [default: <FILE's name>.report.ndjson here]
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// Say what would be new, changed, gone or rejected, and store nothing; the report is written
        #[arg(long)]
        dry_run: bool,
        /// What the file is whole in: `all` of its source, or for example /address/country=US (again for more values).
        /// Known businesses of this scope that the file does not have are closed [default: as in the mapping]
        #[arg(long, value_name = "SCOPE")]
        scope: Vec<String>,
        /// Close what is gone even if that is more than 5 % of the scope
        #[arg(long)]
        allow_gone: bool,
        /// Rows at once [default: 256]
        #[arg(long, value_name = "N")]
        concurrency: Option<usize>,
        /// How the file is read, where the mapping or the name does not say it
        #[command(flatten)]
        rules: FileRules,
    },
    /// Save everything into a folder, while the server runs or when none does
    ///
    /// What was acknowledged before it began is in it. `lawless restore` makes a data folder of it.
    Backup {
        /// A folder that is empty or not there yet
        folder: PathBuf,
    },
    /// Make or update the tables of the journal in PostgreSQL (mode distributed)
    ///
    /// Forward only. A server starts only on tables of its own version.
    Migrate,
    /// Make a data folder out of a backup
    ///
    /// The folder of `--data` must be empty or not there yet. The journal gets a new id, so that tokens and cursors of
    /// the old one are refused; the views are made at the next start.
    Restore {
        /// The folder of the backup
        backup: PathBuf,
        /// Keep the journal's id, and the views: only when the original is gone for good
        #[arg(long)]
        same_journal: bool,
    },
    /// Watch what the running server does: commands, projections, reads, memory. q, Esc or Ctrl-C end it
    Top {
        /// From one look to the next
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
        interval: Duration,
        /// Look twice, print what happened between as text, and end
        #[arg(long)]
        once: bool,
    },
    /// See and mend projections
    Projections {
        /// What to do with them
        #[command(subcommand)]
        task: ProjectionsTask,
    },
    /// See to the journal
    Journal {
        /// What to do with it
        #[command(subcommand)]
        task: JournalTask,
    },
    /// See to the views
    Views {
        /// What to do with them
        #[command(subcommand)]
        task: ViewsTask,
    },
    /// See to the admin key
    AdminKey {
        /// What to do with it
        #[command(subcommand)]
        task: AdminKeyTask,
    },
    /// See to the keys that several programs share (mode distributed)
    Keys {
        /// What to do with them
        #[command(subcommand)]
        task: KeysTask,
    },
}

/// What to do with projections.
#[derive(Debug, Subcommand)]
pub enum ProjectionsTask {
    /// Where every projection group stands, and what is parked (of the running server)
    List,
    /// What is parked, and why (of the running server)
    Parked,
    /// Make all rows anew beside those that are served, compare the two, then serve the new ones. Reads and writes go on
    Rebuild {
        /// The projection group, for example `directory`
        group: String,
    },
    /// Fold nothing for now, until `resume` or a restart (on the running server); what is there is served
    Pause {
        /// The projection group, for example `directory`
        group: String,
    },
    /// Fold again (on the running server)
    Resume {
        /// The projection group, for example `directory`
        group: String,
    },
    /// Go on without a parked event (on the running server); the decision becomes an event itself
    Skip {
        /// The projection group, for example `directory`
        group: String,
        /// Position of the parked event
        position: u64,
        /// Why; kept in the journal
        #[arg(long)]
        reason: String,
    },
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub enum JournalTask {
    /// Read all of it: positions and versions dense, checksums right, every event understood (no server may run)
    Verify {
        /// Also compare it, event by event, with that of a data folder which was copied into it
        #[arg(long, value_name = "FOLDER")]
        against: Option<PathBuf>,
    },
    /// Move it from the data folder into the database of `journal.url`, empty but for its tables (no server may run)
    ///
    /// Same id, same positions: tokens and cursors stay valid. All of it or nothing; after a kill run it again. The data
    /// folder takes no more commands afterwards, and can still be read.
    Copy,
    /// Give it a new id, as for a copy that goes on by itself: old tokens are refused, views made anew (no server may run)
    Adopt,
}

/// What to do with the views.
#[derive(Debug, Subcommand)]
pub enum ViewsTask {
    /// Fold the journal anew and compare every row (no server may run)
    Verify {
        /// Compare with the CQL store instead: whether what is published is what this folder has (other folders may be served)
        #[arg(long)]
        published: bool,
        /// Write anew what differs there
        #[arg(long, requires = "published")]
        repair: bool,
    },
}

/// What to do with the admin key.
#[derive(Debug, Subcommand)]
pub enum AdminKeyTask {
    /// Make a new admin key and print it; the old one ends at once
    Rotate,
}

/// What to do with shared keys.
#[derive(Debug, Subcommand)]
pub enum KeysTask {
    /// Make an admin key and a cursor key in a folder, to be given to programs
    New {
        /// Where they are to lie, as `admin-key` and `cursor-key`
        folder: PathBuf,
    },
}

/// Seconds between two looks.
fn interval(text: &str) -> Result<Duration, String> {
    const BOUNDS: std::ops::RangeInclusive<f64> = 0.1..=3_600.0;
    let seconds = text.parse::<f64>().ok().filter(|seconds| BOUNDS.contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "seconds from 0.1 to 3600 are meant".to_owned())
}

impl CommandLine {
    /// What the options say about settings.
    pub fn overrides(&self) -> Overrides {
        let serve = match &self.command {
            Some(Task::Projectors(own) | Task::Relay { admin: own, .. }) => {
                ServeOptions { admin_listen: own.admin_listen.or(self.serve.admin_listen), ..self.serve.clone() }
            }
            Some(Task::All(own) | Task::CommandApi(own) | Task::QueryApi(own)) => ServeOptions {
                listen: own.listen.or(self.serve.listen),
                admin_listen: own.admin_listen.or(self.serve.admin_listen),
                empty: own.empty || self.serve.empty,
            },
            _ => self.serve.clone(),
        };
        let concurrency = match &self.command {
            Some(Task::Import { concurrency, .. }) => *concurrency,
            _ => None,
        };
        Overrides {
            mode: self.common.mode,
            server: ServerOverrides { listen: serve.listen, admin_listen: serve.admin_listen },
            data: DataOverrides { folder: self.common.data.clone() },
            log: LogOverrides { format: self.common.log_format },
            import: ImportOverrides { concurrency },
        }
    }

    /// Whether an empty data folder stays empty.
    pub fn stays_empty(&self) -> bool {
        self.serve.empty || matches!(&self.command, Some(Task::All(own)) if own.empty)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_stand_before_or_after_the_command() {
        CommandLine::command().debug_assert();
        for line in [&["lawless", "--listen", "127.0.0.1:9"][..], &["lawless", "all", "--listen", "127.0.0.1:9"]] {
            let parsed = CommandLine::try_parse_from(line).unwrap();
            assert_eq!(parsed.overrides().server.listen.unwrap().port(), 9);
        }
        let parsed = CommandLine::try_parse_from(["lawless", "demo", "--data", "d", "--businesses", "7"]).unwrap();
        assert_eq!(parsed.overrides().data.folder.unwrap(), PathBuf::from("d"));
    }

    #[test]
    fn the_interval_of_top_has_bounds() {
        let parse = |seconds: &str| CommandLine::try_parse_from(["lawless", "top", "--interval", seconds]);
        let Some(Task::Top { interval, once: false }) = parse("0.5").unwrap().command else { panic!("it is top") };
        assert_eq!(interval, Duration::from_millis(500));
        for wrong in ["0", "0.09", "3601", "-1", "NaN", "inf", "1e999", "a second", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

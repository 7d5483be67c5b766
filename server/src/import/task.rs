//! `lawless import`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_api::Places;
use events::Position;
use tokio::sync::watch;

use super::file_rules::FileRules;
use super::http_writer::HttpWriter;
use super::local_writer::LocalWriter;
use super::mapping::Mapping;
use super::reading::Reading;
use super::report::{Counts, Report};
use super::run::{Ended, import_file};
use super::source_file::{SourceFile, UnpackLimits};
use crate::admin_client::AdminClient;
use crate::catch_up::wait_for_views;
use crate::cli::say;
use crate::config::Config;
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::exit::Refusal;
use crate::folder::{Addresses, DataFolder, running_server};
use crate::secrets::read_admin_key;
use crate::signals::{stop_signal, stopped};

/// How often a running server is asked whether its views have caught up.
const POLL: Duration = Duration::from_millis(100);

/// What the command line asks for.
#[derive(Debug)]
pub struct ImportRequest<'a> {
    /// The file.
    pub file: &'a Path,
    /// The mapping file.
    pub mapping: &'a Path,
    /// Where the report goes; beside where the program was started when absent.
    pub report: Option<PathBuf>,
    /// How the file is read; wins over the mapping.
    pub rules: FileRules,
}

/// Imports a file into the data folder, or into the server that runs on it.
///
/// # Errors
/// The file, the mapping, the report or the folder cannot be used; the directory stopped answering; interrupted.
pub async fn run_import(config: &Config, request: ImportRequest<'_>) -> anyhow::Result<()> {
    let mapping = Mapping::load(request.mapping)?;
    let rules = request.rules.over(&mapping.file);
    let file = SourceFile::find(request.file, rules.member.as_deref())?;
    let reading = Reading {
        format: rules.format_of(&file)?,
        file,
        wanted: mapping.fields(),
        max_row_bytes: config.import.max_row_bytes,
        unpack: UnpackLimits { bytes: config.import.max_unpacked_gib << 30, ratio: config.import.max_unpack_ratio },
    };
    let report_file = request.report.unwrap_or_else(|| default_report(request.file));
    let stop = stop_signal()?;
    let import = Import { config, reading, mapping: &mapping, report_file: &report_file, stop };
    match running_server(&config.data.folder)? {
        Some(server) => import.into_server(&server).await,
        None => import.into_folder().await,
    }
}

struct Import<'a> {
    config: &'a Config,
    reading: Reading,
    mapping: &'a Mapping,
    report_file: &'a Path,
    stop: watch::Receiver<bool>,
}

impl Import<'_> {
    async fn into_folder(self) -> anyhow::Result<()> {
        let folder = DataFolder::open(&self.config.data.folder)?;
        let report = Arc::new(Report::create(self.report_file)?);
        let engine = Engine::open(folder, self.config).await?;
        let writer = Arc::new(LocalWriter::new(engine.commands()));
        let start = Instant::now();
        let ended = self.rows(writer, engine.places.clone(), &report).await?;
        self.say_summary(&report.counts(), start.elapsed());
        check(ended)?;
        // Folded after the rows are in: far behind, the fold renders everything once.
        let start = Instant::now();
        let directory = engine.start_directory().await?;
        let deadline = Duration::from_millis(self.config.import.catch_up_deadline_ms);
        let head = engine.head().await?;
        let caught_up = tokio::time::timeout(deadline, wait_for_views(&directory, head, self.stop)).await;
        directory.shutdown().await;
        engine.close().await;
        caught_up.with_context(|| format!("the views did not catch up within {deadline:?}; a start goes on"))??;
        say_caught_up(head, start.elapsed());
        Ok(())
    }

    async fn into_server(self, server: &Addresses) -> anyhow::Result<()> {
        let key = read_admin_key(&self.config.data.folder)?;
        let report = Arc::new(Report::create(self.report_file)?);
        let writer = Arc::new(HttpWriter::new(&server.api, key.clone())?);
        say(format!("a server runs on the data folder: rows go to http://{}", server.api));
        let start = Instant::now();
        let ended = self.rows(writer.clone(), Arc::new(Places::new()), &report).await?;
        self.say_summary(&report.counts(), start.elapsed());
        check(ended)?;
        let Some(token) = writer.token() else { return Ok(()) };
        let start = Instant::now();
        let admin = AdminClient::new(&server.admin, key)?;
        let deadline = Duration::from_millis(self.config.import.catch_up_deadline_ms);
        tokio::time::timeout(deadline, published(&admin, token.position, self.stop))
            .await
            .with_context(|| format!("the views did not catch up within {deadline:?}"))??;
        say_caught_up(token.position, start.elapsed());
        Ok(())
    }

    async fn rows(
        &self,
        writer: Arc<dyn super::writer::DirectoryWriter>,
        places: Arc<Places>,
        report: &Arc<Report>,
    ) -> anyhow::Result<Ended> {
        let (reading, concurrency) = (self.reading.clone(), self.config.import.concurrency);
        import_file(reading, self.mapping, concurrency, writer, places, report.clone(), self.stop.clone()).await
    }

    fn say_summary(&self, counts: &Counts, took: Duration) {
        let seconds = took.as_secs_f64().max(0.001);
        say(format!("{} rows in {seconds:.1} s ({:.0}/s)", counts.rows(), counts.rows() as f64 / seconds));
        say(format!(
            "  accepted {}: {} new, {} changed, {} unchanged",
            counts.accepted(),
            counts.registered,
            counts.changed,
            counts.unchanged
        ));
        if counts.skipped > 0 {
            say(format!("  skipped {}", counts.skipped));
        }
        say(format!("  rejected {}", counts.rejected()));
        for (code, count) in &counts.rejected {
            say(format!("    {count} {code}"));
        }
        say(format!("  left out {}", counts.warnings.values().sum::<u64>()));
        for (what, count) in &counts.warnings {
            say(format!("    {count} {what}"));
        }
        say(format!("  report: {}", self.report_file.display()));
    }
}

fn check(ended: Ended) -> anyhow::Result<()> {
    match ended {
        Ended::Whole => Ok(()),
        Ended::Interrupted => Err(Refusal::Interrupted.into()),
        Ended::Unreadable(reason) => anyhow::bail!("the file cannot be read to its end: {reason}"),
        Ended::Unavailable(reason) => anyhow::bail!("the import ended early: {reason}; run it again to go on"),
    }
}

fn say_caught_up(position: Position, took: Duration) {
    say(format!("views caught up with {position} events after another {:.1} s", took.as_secs_f64()));
}

async fn published(admin: &AdminClient, position: Position, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    loop {
        let groups = admin.projections().await?;
        if groups.iter().any(|group| group.group == DIRECTORY_GROUP && group.published >= position.0) {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = stopped(&mut stop) => return Err(Refusal::Interrupted.into()),
        }
    }
}

fn default_report(file: &Path) -> PathBuf {
    let name = file.file_name().map_or_else(|| "import".into(), |name| name.to_string_lossy().into_owned());
    PathBuf::from(format!("{name}.report.ndjson"))
}

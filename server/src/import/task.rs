//! `lawless import`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_api::Places;
use events::Position;
use tokio::sync::watch;

use super::file_rules::FileRules;
use super::local_writer::LocalWriter;
use super::mapping::Mapping;
use super::reading::Reading;
use super::rehearsal::Rehearsal;
use super::remote_writer::RemoteWriter;
use super::report::{Counts, Report};
use super::run::{Ended, Plan, import_file};
use super::scope::Scope;
use super::source_file::{SourceFile, UnpackLimits};
use super::summary;
use super::writer::DirectoryWriter;
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
    /// What the file is whole in; wins over the mapping.
    pub scope: Vec<String>,
    /// Close what is gone, however much it is.
    pub allow_gone: bool,
    /// Say what would become of the rows, and store nothing.
    pub dry_run: bool,
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
    let scope = match &request.scope[..] {
        [] => mapping.scope.clone(),
        options => Some(Scope::parse(options).map_err(Refusal::Configuration)?),
    };
    let (allow_gone, concurrency) = (request.allow_gone, config.import.concurrency);
    let plan = Plan { reading, mapping: &mapping, scope, allow_gone, concurrency };
    let report_file = request.report.unwrap_or_else(|| default_report(request.file));
    let stop = stop_signal()?;
    let import = Import { config, plan, report_file: &report_file, dry_run: request.dry_run, stop };
    match running_server(&config.data.folder)? {
        Some(server) => import.into_server(&server).await,
        None if request.dry_run && !config.data.folder.join("format").is_file() => import.into_nothing().await,
        None => import.into_folder().await,
    }
}

struct Import<'a> {
    config: &'a Config,
    plan: Plan<'a>,
    report_file: &'a Path,
    dry_run: bool,
    stop: watch::Receiver<bool>,
}

impl Import<'_> {
    /// A dry run where there is no data folder yet: one that is thrown away stands for it.
    async fn into_nothing(self) -> anyhow::Result<()> {
        let folder = std::env::temp_dir().join(format!("lawless-dry-run-{}", uuid::Uuid::now_v7()));
        let mut config = self.config.clone();
        config.data.folder.clone_from(&folder);
        let result = Import { config: &config, ..self }.into_folder().await;
        std::fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        result
    }

    async fn into_folder(self) -> anyhow::Result<()> {
        let folder = DataFolder::open(&self.config.data.folder)?;
        let report = Arc::new(Report::create(self.report_file)?);
        let engine = Engine::open(folder, self.config).await?;
        let writer = Arc::new(LocalWriter::new(engine.commands(), self.dry_run));
        let start = Instant::now();
        let ended = self.rows(writer, engine.places.clone(), &report).await?;
        self.say_summary(&report.counts(), start.elapsed());
        if self.dry_run || !ended.is_whole() {
            engine.close().await;
            return ended.into_result();
        }
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
        ended.into_result()
    }

    async fn into_server(self, server: &Addresses) -> anyhow::Result<()> {
        let key = read_admin_key(self.config)?;
        let report = Arc::new(Report::create(self.report_file)?);
        let writer = Arc::new(RemoteWriter::new(&server.admin, key.clone(), self.dry_run)?);
        say("a server runs on the data folder: rows go to it");
        let start = Instant::now();
        let ended = self.rows(writer.clone(), Arc::new(Places::new()), &report).await?;
        self.say_summary(&report.counts(), start.elapsed());
        if let (true, Some(position)) = (ended.is_whole(), writer.position()) {
            let start = Instant::now();
            let admin = AdminClient::new(&server.admin, key)?;
            let deadline = Duration::from_millis(self.config.import.catch_up_deadline_ms);
            tokio::time::timeout(deadline, published(&admin, position, self.stop))
                .await
                .with_context(|| format!("the views did not catch up within {deadline:?}"))??;
            say_caught_up(position, start.elapsed());
        }
        ended.into_result()
    }

    async fn rows(
        &self,
        writer: Arc<dyn DirectoryWriter>,
        places: Arc<Places>,
        report: &Arc<Report>,
    ) -> anyhow::Result<Ended> {
        let writer = if self.dry_run { Arc::new(Rehearsal::new(writer)) } else { writer };
        import_file(&self.plan, writer, places, report.clone(), self.stop.clone()).await
    }

    fn say_summary(&self, counts: &Counts, took: Duration) {
        if self.dry_run {
            say("dry run: nothing was stored; this is what would become of the rows");
        }
        summary::say_counts(counts, took);
        say(format!("  report: {}", self.report_file.display()));
    }
}

impl Ended {
    /// Whether all was done that there was to do, but perhaps for closing what is gone.
    fn is_whole(&self) -> bool {
        matches!(self, Self::Whole | Self::GoneRefused(_))
    }

    fn into_result(self) -> anyhow::Result<()> {
        match self {
            Self::Whole => Ok(()),
            Self::Interrupted => Err(Refusal::Interrupted.into()),
            Self::Unreadable(reason) => anyhow::bail!("the file cannot be read to its end: {reason}"),
            Self::Unavailable(reason) => anyhow::bail!("the import ended early: {reason}; run it again to go on"),
            Self::GoneRefused(reason) => Err(Refusal::TooMuchGone(reason).into()),
        }
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

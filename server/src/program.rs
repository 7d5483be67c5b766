//! From the command line to the task.

use crate::cli::{
    AdminKeyTask, CommandLine, JournalTask, KeysTask, ProjectionsTask, RelayTask, Task, ViewsTask, adopt, copy_journal,
    list_parked_events, list_projections, migrate, pause_projections, rebuild_projections, refill, restore,
    resume_projections, save_backup, say, skip_parked_event, verify_journal, verify_published, verify_views,
};
use crate::config::Config;
use crate::demo::run_demo;
use crate::import::{ImportRequest, run_import};
use crate::logging;
use crate::secrets::{make_keys, rotate_admin_key};
use crate::serve::{run_all, run_command_api, run_projectors, run_query_api, run_relay};
use crate::top::run_top;

/// Does what the command line says.
///
/// # Errors
/// Why it could not be done; [`crate::exit::exit_code`] gives the code.
pub fn run(line: CommandLine) -> anyhow::Result<()> {
    let config = Config::load(line.common.config.as_deref(), &line.overrides())?;
    // The live view has the terminal for itself.
    if !matches!(line.command, Some(Task::Top { once: false, .. })) {
        logging::start(&config.log)?;
    }
    tracing::debug!(?config, "configuration");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(perform(line, &config));
    // What still runs is cut off: everything that must be kept was kept before it was acknowledged.
    runtime.shutdown_background();
    result
}

async fn perform(line: CommandLine, config: &Config) -> anyhow::Result<()> {
    let stays_empty = line.stays_empty();
    match line.command {
        None | Some(Task::All(_)) => run_all(config, stays_empty).await,
        Some(Task::CommandApi(_)) => run_command_api(config).await,
        Some(Task::QueryApi(_)) => run_query_api(config).await,
        Some(Task::Projectors(_)) => run_projectors(config).await,
        Some(Task::Relay { task: None, .. }) => run_relay(config).await,
        Some(Task::Relay { task: Some(RelayTask::Refill), .. }) => refill(config).await,
        Some(Task::Demo { businesses, seed }) => run_demo(config, businesses, seed).await,
        Some(Task::Import { file, mapping, report, rules, scope, allow_gone, dry_run, .. }) => {
            let request = ImportRequest { file: &file, mapping: &mapping, report, rules, scope, allow_gone, dry_run };
            run_import(config, request).await
        }
        Some(Task::Projections { task }) => see_to_projections(config, task).await,
        Some(Task::Journal { task: JournalTask::Verify { against } }) => {
            verify_journal(config, against.as_deref()).await
        }
        Some(Task::Journal { task: JournalTask::Copy }) => copy_journal(config).await,
        Some(Task::Journal { task: JournalTask::Adopt }) => adopt(config).await,
        Some(Task::Migrate) => migrate(config).await,
        Some(Task::Backup { folder }) => save_backup(config, &folder).await,
        Some(Task::Restore { backup, same_journal }) => restore(config, &backup, same_journal).await,
        Some(Task::Views { task: ViewsTask::Verify { published: false, .. } }) => verify_views(config).await,
        Some(Task::Views { task: ViewsTask::Verify { published: true, repair } }) => {
            verify_published(config, repair).await
        }
        Some(Task::Top { interval, once }) => run_top(config, interval, once).await,
        Some(Task::AdminKey { task: AdminKeyTask::Rotate }) => {
            say(format!("New admin key: {}", rotate_admin_key(config)?));
            Ok(())
        }
        Some(Task::Keys { task: KeysTask::New { folder } }) => {
            make_keys(&folder)?;
            say(format!("{} has a new admin-key and cursor-key", folder.display()));
            Ok(())
        }
    }
}

async fn see_to_projections(config: &Config, task: ProjectionsTask) -> anyhow::Result<()> {
    match task {
        ProjectionsTask::List => list_projections(config).await,
        ProjectionsTask::Parked => list_parked_events(config).await,
        ProjectionsTask::Rebuild { group } => rebuild_projections(config, &group).await,
        ProjectionsTask::Pause { group } => pause_projections(config, &group).await,
        ProjectionsTask::Resume { group } => resume_projections(config, &group).await,
        ProjectionsTask::Skip { group, position, reason } => skip_parked_event(config, &group, position, reason).await,
    }
}

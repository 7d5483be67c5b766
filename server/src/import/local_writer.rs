//! Gives rows to the command side of this very process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use command_api::{
    Accepted, CloseBusiness, Command, CommandContext, CommandError, CommandService, InvalidField, Outcome,
    Precondition, Refusal, RegisterBusiness, Standing, domain::business::Rejected,
};
use event_log::JournalError;
use events::{Actor, ActorKind, Position};

use super::calls::{ImportAnswer, ImportCall, MOST_IDS, Upserted};
use super::finding::Finding;
use super::writer::{DirectoryWriter, WriteError};

/// Tries before the directory counts as unavailable, and the wait after the first of them; doubled after each.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Writes through a [`CommandService`].
pub(crate) struct LocalWriter {
    commands: CommandService,
    dry_run: bool,
    written: AtomicU64,
}

impl LocalWriter {
    /// Writes through this service, or only asks what would become of it.
    pub(crate) fn new(commands: CommandService, dry_run: bool) -> Self {
        Self { commands, dry_run, written: AtomicU64::new(0) }
    }

    /// Executes until the journal answers, a bounded number of times. Claims make a repeated upsert harmless.
    async fn execute(&self, command: Command, precondition: Option<Precondition>) -> Result<Accepted, CommandError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let actor = Actor { kind: ActorKind::Import, id: "lawless-import".to_owned() };
            let context = CommandContext {
                if_match: precondition,
                dry_run: self.dry_run,
                keep_edits: true,
                ..CommandContext::of(actor)
            };
            match self.commands.execute(context, command.clone()).await {
                Ok(accepted) => {
                    if accepted.outcome != Outcome::Unchanged && !self.dry_run {
                        self.written.fetch_max(accepted.position.0, Ordering::Relaxed);
                    }
                    return Ok(accepted);
                }
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn ensure(&self, command: Command) -> Result<ImportAnswer, WriteError> {
        match self.execute(command, Some(Precondition::Absent)).await {
            Ok(_) => Ok(ImportAnswer::Ensured(true)),
            // It is there already.
            Err(CommandError::VersionMismatch { .. }) => Ok(ImportAnswer::Ensured(false)),
            Err(error) => Err(write_error(error)),
        }
    }

    async fn upsert(&self, business: RegisterBusiness) -> Result<Upserted, WriteError> {
        let source = business.source.clone().unwrap_or_default();
        match self.execute(Command::UpsertBusinessFromSource(Box::new(business)), None).await {
            Ok(Accepted { outcome: Outcome::Created, .. }) => Ok(Upserted::Registered),
            Ok(Accepted { changed, kept, .. }) => Ok(Upserted::Known { changed, kept }),
            Err(CommandError::Refused(Refusal::Business(rejected @ (Rejected::Closed | Rejected::Removed)))) => {
                let known = self.commands.source_business(&source.system, &source.external_id).await;
                let standing = known.map_err(write_error)?.map(|known| known.standing);
                // It cannot have come back: nothing opens a business again.
                let told = if rejected == Rejected::Removed { Standing::Removed } else { Standing::Closed };
                Ok(Upserted::Left(standing.unwrap_or(told)))
            }
            Err(error) => Err(write_error(error)),
        }
    }
}

#[async_trait]
impl DirectoryWriter for LocalWriter {
    async fn call(&self, call: ImportCall) -> Result<ImportAnswer, WriteError> {
        match call {
            ImportCall::EnsureCategory { slug, body } => self.ensure(Command::DefineCategory(slug, body)).await,
            ImportCall::EnsureLocation { slug, body } => self.ensure(Command::DefineLocation(slug, body)).await,
            ImportCall::Upsert(business) => self.upsert(*business).await.map(ImportAnswer::Upserted),
            ImportCall::SourceIds { system, after, limit } => {
                let ids = self.commands.source_ids(&system, &after, limit.min(MOST_IDS)).await;
                ids.map(ImportAnswer::SourceIds).map_err(write_error)
            }
            ImportCall::SourceBusiness { system, external_id } => {
                let business = self.commands.source_business(&system, &external_id).await;
                business.map(ImportAnswer::SourceBusiness).map_err(write_error)
            }
            ImportCall::Close { id, version, reason } => {
                let close = Command::CloseBusiness(id, CloseBusiness { reason: Some(reason) });
                match self.execute(close, Some(Precondition::Version(version))).await {
                    Ok(_) => Ok(ImportAnswer::Closed(true)),
                    Err(CommandError::VersionMismatch { .. }) => Ok(ImportAnswer::Closed(false)),
                    Err(error) => Err(write_error(error)),
                }
            }
        }
    }

    fn position(&self) -> Option<Position> {
        Some(self.written.load(Ordering::Relaxed)).filter(|position| *position > 0).map(Position)
    }
}

fn may_pass(error: &CommandError) -> bool {
    matches!(error, CommandError::TooMuchContention { .. } | CommandError::Journal(JournalError::Unavailable { .. }))
}

fn write_error(error: CommandError) -> WriteError {
    match error {
        CommandError::Invalid { fields } => WriteError::Refused(findings(fields)),
        CommandError::Refused(Refusal::ReferencesNotFound { missing }) => WriteError::Refused(findings(missing)),
        CommandError::Journal(error) => WriteError::Unavailable(error.to_string()),
        other => WriteError::Refused(vec![Finding::new("", "refused", other.to_string())]),
    }
}

/// Fields that a command refuses.
pub(super) fn findings(fields: Vec<InvalidField>) -> Vec<Finding> {
    fields.into_iter().map(|field| Finding { pointer: field.pointer, code: field.code, detail: field.detail }).collect()
}

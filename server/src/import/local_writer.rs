//! Gives rows to the command side of this very process.

use std::time::Duration;

use async_trait::async_trait;
use command_api::{
    Command, CommandContext, CommandError, CommandService, DefineCategory, DefineLocation, Outcome, Precondition,
    RegisterBusiness,
};
use event_log::JournalError;
use events::{Actor, ActorKind};

use super::finding::Finding;
use super::writer::{DirectoryWriter, Upserted, WriteError};

/// Tries before the directory counts as unavailable, and the wait after the first of them; doubled after each.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Writes through a [`CommandService`].
pub(super) struct LocalWriter {
    commands: CommandService,
}

impl LocalWriter {
    /// Writes through this service.
    pub(super) fn new(commands: CommandService) -> Self {
        Self { commands }
    }

    /// Executes until the journal answers, a bounded number of times. Claims make a repeated upsert harmless.
    async fn execute(&self, command: Command, precondition: Option<Precondition>) -> Result<Outcome, CommandError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let actor = Actor { kind: ActorKind::Import, id: "lawless-import".to_owned() };
            let context = CommandContext { if_match: precondition, ..CommandContext::of(actor) };
            match self.commands.execute(context, command.clone()).await {
                Ok(accepted) => return Ok(accepted.outcome),
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn ensure(&self, command: Command) -> Result<(), WriteError> {
        match self.execute(command, Some(Precondition::Absent)).await {
            // It is there already.
            Ok(_) | Err(CommandError::VersionMismatch { .. }) => Ok(()),
            Err(error) => Err(write_error(error)),
        }
    }
}

#[async_trait]
impl DirectoryWriter for LocalWriter {
    async fn ensure_category(&self, slug: &str, body: DefineCategory) -> Result<(), WriteError> {
        self.ensure(Command::DefineCategory(slug.to_owned(), body)).await
    }

    async fn ensure_location(&self, slug: &str, body: DefineLocation) -> Result<(), WriteError> {
        self.ensure(Command::DefineLocation(slug.to_owned(), body)).await
    }

    async fn upsert(&self, business: &RegisterBusiness) -> Result<Upserted, WriteError> {
        let command = Command::UpsertBusinessFromSource(Box::new(business.clone()));
        match self.execute(command, None).await.map_err(write_error)? {
            Outcome::Created => Ok(Upserted::Registered),
            Outcome::Changed => Ok(Upserted::Changed),
            Outcome::Unchanged => Ok(Upserted::Unchanged),
        }
    }
}

fn may_pass(error: &CommandError) -> bool {
    matches!(error, CommandError::TooMuchContention { .. } | CommandError::Journal(JournalError::Unavailable { .. }))
}

fn write_error(error: CommandError) -> WriteError {
    match error {
        CommandError::Invalid { fields } => WriteError::Refused(
            fields
                .into_iter()
                .map(|field| Finding { pointer: field.pointer, code: field.code, detail: field.detail })
                .collect(),
        ),
        CommandError::Journal(error) => WriteError::Unavailable(error.to_string()),
        other => WriteError::Refused(vec![Finding::new("", "refused", other.to_string())]),
    }
}

//! Gives the demo directory to the command side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_api::{Command, CommandContext, CommandError, CommandService};
use events::{Actor, ActorKind, BusinessId};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::generator::{DemoDirectory, FollowUp};
use crate::exit::Refusal;

/// What filling in a demo did.
#[derive(Debug, Clone, Copy)]
pub struct Filled {
    /// Businesses registered.
    pub businesses: u64,
    /// How long it took.
    pub took: Duration,
}

/// Executes all commands of a demo directory, many at once. Repeated, it only completes what is missing: every
/// command carries its own idempotency key.
///
/// # Errors
/// A command was refused, or the process was asked to stop.
pub async fn fill_demo(
    demo: DemoDirectory,
    commands: &CommandService,
    concurrency: usize,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Filled> {
    let start = Instant::now();
    for (slug, body) in demo.categories() {
        execute(commands, format!("category {slug}"), Command::DefineCategory(slug.to_owned(), body)).await?;
    }
    for (slug, body) in demo.locations() {
        execute(commands, format!("location {slug}"), Command::DefineLocation(slug.to_owned(), body)).await?;
    }
    let bar = progress_bar(demo.businesses());
    let demo = Arc::new(demo);
    let free = Arc::new(Semaphore::new(concurrency));
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    for index in 0..demo.businesses() {
        if *stop.borrow() {
            return Err(Refusal::Interrupted.into());
        }
        let permit = free.clone().acquire_owned().await.context("the semaphore is never closed")?;
        let (demo, commands) = (demo.clone(), commands.clone());
        tasks.spawn(async move {
            let filled = fill_business(&demo, &commands, index).await;
            drop(permit);
            filled
        });
        while let Some(done) = tasks.try_join_next() {
            done??;
            bar.inc(1);
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Filled { businesses: demo.businesses(), took: start.elapsed() })
}

async fn fill_business(demo: &DemoDirectory, commands: &CommandService, index: u64) -> anyhow::Result<()> {
    let register = Command::RegisterBusiness(Box::new(demo.business(index)));
    let id = BusinessId(execute(commands, format!("business {index}"), register).await?);
    let Some(follow_up) = demo.follow_up(index) else { return Ok(()) };
    let command = match follow_up {
        FollowUp::Change(body) => Command::ChangeBusinessDetails(id, Box::new(body)),
        FollowUp::Recategorize(body) => Command::RecategorizeBusiness(id, body),
        FollowUp::Close(body) => Command::CloseBusiness(id, body),
    };
    execute(commands, format!("follow-up {index}"), command).await?;
    Ok(())
}

async fn execute(commands: &CommandService, key: String, command: Command) -> anyhow::Result<Uuid> {
    let actor = Actor { kind: ActorKind::System, id: "demo".to_owned() };
    let mut context = CommandContext::of(actor);
    context.idempotency_key = Some(format!("demo {key}"));
    let accepted = commands.execute(context, command).await;
    Ok(accepted.map_err(|e: CommandError| anyhow::Error::new(e).context(format!("demo, {key}")))?.id)
}

fn progress_bar(businesses: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("demo directory {bar:30} {pos}/{len} businesses, {per_sec}, {eta} left")
        .expect("a constant template, shown by every demo");
    let bar = ProgressBar::new(businesses).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

//! Two processes that write one journal, against one with as many clients.

use std::io::{BufRead, Lines, StdinLock, Write as _};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use contracts::database::Database;
use event_log::{EventFeed, PostgresJournal, PostgresJournalOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::WARM_UP;
use super::verify::verify_own;
use super::writing::{Writer, write};
use crate::{Bound, Measurement, interleave};

/// The option of this program that makes it one of those processes.
const WRITE_JOURNAL_OPTION: &str = "--write-journal";
/// Clients of all processes together.
const CLIENTS: usize = 128;
/// How long a process may take for anything, beyond the time that it is to write.
const DEADLINE: Duration = Duration::from_secs(60);

/// What two processes do together, against one.
pub(super) async fn together(pairs: usize, time: Duration) -> anyhow::Result<Measurement> {
    let interleaved = interleave(pairs, async || measure(2, time).await, async || measure(1, time).await).await?;
    let measurement = interleaved.measurement("postgres/two_processes", "events/s");
    Ok(measurement.must(Bound::ratio_at_least(0.8)).goal(Bound::ratio_at_least(1.0)))
}

async fn measure(count: usize, time: Duration) -> anyhow::Result<f64> {
    let database = Database::new().await;
    PostgresJournal::migrate(&database.url).await?;
    let mut processes = Vec::new();
    for _ in 0..count {
        processes.push(Process::start(&database.url).await?);
    }
    let mut figures = Vec::new();
    let mut events = 0.0;
    for time in [WARM_UP, time] {
        figures.clear();
        let task = format!("{} {}", CLIENTS / count, time.as_millis());
        for process in &mut processes {
            process.ask(&task).await?;
        }
        for process in &mut processes {
            let line = process.hear().await?;
            let mut numbers = line.split(' ').map(str::parse::<f64>);
            let (Some(Ok(accepted)), Some(Ok(per_second))) = (numbers.next(), numbers.next()) else {
                anyhow::bail!("a process said {line:?}");
            };
            events += accepted;
            figures.push(per_second);
        }
    }
    for process in &mut processes {
        process.ask("verify").await?;
        ensure!(process.hear().await? == "verified", "a process found something else than it was told");
    }
    let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await?;
    let head = journal.feed().head().await?;
    journal.close().await;
    #[expect(clippy::cast_precision_loss, reason = "a bench counts far below 52 bits")]
    let stored = head.0 as f64;
    ensure!((stored - events).abs() < 0.5, "{events} events were acknowledged, {stored} are there");
    Ok(figures.iter().sum())
}

/// This program once more. Killed when it is dropped.
struct Process {
    _child: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Process {
    async fn start(url: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe().context("finding this program")?)
            .arg(WRITE_JOURNAL_OPTION)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a process that writes")?;
        let asked = child.stdin.take().context("standard input is a pipe")?;
        let said = BufReader::new(child.stdout.take().context("standard output is a pipe")?);
        let mut process = Self { _child: child, asked, said };
        // Not among its arguments, which are for everybody to see.
        process.ask(url).await?;
        ensure!(process.hear().await? == "ready", "a process did not open the journal");
        Ok(process)
    }

    async fn ask(&mut self, line: &str) -> anyhow::Result<()> {
        self.asked.write_all(format!("{line}\n").as_bytes()).await.context("a process that writes is gone")
    }

    async fn hear(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(DEADLINE, self.said.read_line(&mut line));
        ensure!(read.await.context("a process that writes says nothing")?? > 0, "a process that writes ended");
        Ok(line.trim().to_owned())
    }
}

/// Is one of those processes: appends when it is told to, and looks afterwards whether all it was told is so.
///
/// # Errors
/// The journal cannot be written, or has something else than what was acknowledged.
pub async fn write_journal() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let url = next(&mut lines)?.context("the address of a database")?;
    let journal = PostgresJournal::open(&url, PostgresJournalOptions::default()).await?;
    let writer = Writer::Group(journal.clone());
    say("ready")?;
    let mut all = super::Written::default();
    while let Some(task) = next(&mut lines)? {
        if task == "verify" {
            verify_own(&journal, &all).await?;
            say("verified")?;
            continue;
        }
        let (clients, milliseconds) = task.split_once(' ').context("clients and milliseconds")?;
        let written = write(&writer, clients.parse()?, Duration::from_millis(milliseconds.parse()?)).await?;
        say(&format!("{} {}", written.events(), written.events_per_second()))?;
        all.add(written);
    }
    writer.close().await;
    Ok(())
}

fn next(lines: &mut Lines<StdinLock<'_>>) -> anyhow::Result<Option<String>> {
    lines.next().transpose().context("reading what to do")
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("saying what was done")
}

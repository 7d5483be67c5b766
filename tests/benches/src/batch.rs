//! One client that sends a batch of registrations and changes to a running server. About 1 minute.
//!
//! The control is the journal alone with the same events: what the batch could reach if HTTP, JSON, deciding and
//! folding cost nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use event_log::{Journal, SqliteJournal, SqliteJournalOptions};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::demo_folder::read_journal;
use crate::made_up::registration;
use crate::process::Server;
use crate::refill::{append_all, append_of};
use crate::{Bound, Measurement, Settings, interleave};

/// A whole batch takes no longer.
const DEADLINE: Duration = Duration::from_secs(120);
const CATEGORIES: [&str; 3] = ["food", "bar", "shop"];

/// What one run showed.
struct Run {
    commands_per_second: f64,
    commands_per_cpu_second: f64,
}

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let commands = if settings.quick { 1_000 } else { 30_000 };
    std::fs::create_dir_all(&settings.cache).context("making the cache folder")?;
    let work = tempfile::tempdir_in(&settings.cache).context("a folder")?;
    let lines = lines(commands);

    // Not counted, and not thrown away either: its events are what the control appends.
    let first = work.path().join("first");
    send(&first, &lines, commands).await?;
    let events = read_journal(&first.join("data")).await?;

    let mut runs = Vec::new();
    let subject = async || {
        let folder = work.path().join(format!("run-{}", runs.len()));
        let run = send(&folder, &lines, commands).await?;
        std::fs::remove_dir_all(&folder).context("removing a folder")?;
        let figure = run.commands_per_second;
        runs.push(run);
        Ok(figure)
    };
    let control = async || {
        let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
        let opened = SqliteJournal::open(folder.path().join("journal.sqlite"), SqliteJournalOptions::default()).await?;
        let appends = events.iter().map(|event| append_of(event, 0)).collect::<anyhow::Result<Vec<_>>>()?;
        let journal: Arc<dyn Journal> = Arc::new(opened.clone());
        let started = Instant::now();
        append_all(&journal, appends).await?;
        let took = started.elapsed();
        opened.close().await;
        Ok(commands as f64 / took.as_secs_f64())
    };
    let measured = interleave(1, subject, control).await?.measurement("batch/one-client", "commands/s");
    let per_cpu: Vec<f64> = runs.iter().map(|run| run.commands_per_cpu_second).collect();
    Ok(vec![
        measured.must(Bound::value_at_least(3_000.0)).goal(Bound::value_at_least(10_000.0)),
        Measurement::new("batch/per-cpu-second", crate::median(&per_cpu), "commands/CPU-s"),
    ])
}

/// Registrations: 30,000 of them share 27,000 slugs, a few hundred of their names occur more than once.
fn lines(commands: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let categories: Vec<String> = CATEGORIES.iter().map(|slug| (*slug).to_owned()).collect();
    let mut text = Vec::new();
    for number in 0..commands {
        let body = registration(&mut rng, number, &categories);
        let key = format!("batch-{number}");
        let line = json!({"command": "register_business", "body": body, "idempotency_key": key});
        text.extend(line.to_string().into_bytes());
        text.push(b'\n');
    }
    text
}

/// Sends all lines to a server on a fresh folder and reads the results as they come.
async fn send(folder: &Path, lines: &[u8], commands: usize) -> anyhow::Result<Run> {
    std::fs::create_dir_all(folder).context("making a folder")?;
    let server = Server::start(folder).await?;
    let client = server.client()?;
    for slug in CATEGORIES {
        let body = json!({"names": {"en": slug}});
        let answer = client.command("PUT", &format!("/v1/categories/{slug}"), &body, &[]).await?;
        ensure!(answer.status == 201, "{slug}: {}", answer.text());
    }
    let (started, cpu) = (Instant::now(), server.cpu_seconds()?);
    let answered = tokio::time::timeout(DEADLINE, async {
        let mut response = client.batch("", lines.to_vec()).await?;
        ensure!(response.status() == 200, "the batch was answered {}", response.status());
        let mut text = Vec::with_capacity(lines.len());
        while let Some(chunk) = response.chunk().await.context("reading results")? {
            text.extend_from_slice(&chunk);
        }
        anyhow::Ok(text)
    });
    let text = answered.await.context("the batch did not end in time")??;
    let (took, cpu) = (started.elapsed(), server.cpu_seconds()? - cpu);
    server.stop().await?;
    let mut accepted = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let result: Value = serde_json::from_slice(line).context("a result")?;
        ensure!(result["status"] == 201, "a line was refused: {result}");
        accepted += 1;
    }
    ensure!(accepted == commands, "{commands} commands were sent and {accepted} answered");
    Ok(Run {
        commands_per_second: commands as f64 / took.as_secs_f64(),
        commands_per_cpu_second: commands as f64 / cpu,
    })
}

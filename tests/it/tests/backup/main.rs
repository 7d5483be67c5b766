//! `lawless backup`, `restore` and `journal adopt`: what is saved comes back, and never as something that it is not.
#![allow(clippy::unwrap_used)]

mod identity;
mod kills;
mod refusals;
mod writers;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use it::{Client, Program, lawless};
use serde_json::{Value, json};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(120);

/// The program's command line, with nothing of this process's environment that it heeds.
fn command(data: &Path) -> Command {
    let mut command = Command::new(lawless().unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAWLESS_")) {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

fn backup(data: &Path, folder: &Path) -> Command {
    let mut command = command(data);
    command.arg("backup").arg(folder);
    command
}

fn restore(backup: &Path, data: &Path, same_journal: bool) -> Command {
    let mut command = command(data);
    command.arg("restore").arg(backup);
    if same_journal {
        command.arg("--same-journal");
    }
    command
}

/// Runs to its end, which comes soon or never: the code, and all that was said.
async fn ended(command: &mut Command) -> (i32, String) {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends by itself").unwrap();
    let Output { status, stdout, stderr } = output;
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// Runs to its end, which must be a good one; what it said.
async fn done(command: &mut Command) -> String {
    let (code, said) = ended(command).await;
    assert_eq!(code, 0, "{said}");
    said
}

async fn end(mut program: Program) -> PathBuf {
    let data = program.data();
    program.terminate().unwrap();
    assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
    data
}

async fn start_with_category(folder: &Path) -> (Program, Client) {
    let program = Program::start(folder).await.unwrap();
    let client = program.client().unwrap();
    let category = json!({"names": {"en": "Bars"}});
    let answer = client.command("PUT", "/v1/categories/bar", &category, &[]).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    // So that there are views.
    let token = answer.header("lawless-consistency");
    let seen = client.get("/v1/categories/bar", &[("Lawless-Consistency", token)]).await.unwrap();
    assert_eq!(seen.status, 200, "{}", seen.text());
    (program, client)
}

/// The journal's id and the position of a token.
fn token_parts(token: &str) -> (String, u64) {
    let parts: Vec<&str> = token.split(';').collect();
    let [version, journal, position] = parts[..] else { panic!("a token {token:?}") };
    assert_eq!(version, "v1");
    (journal.to_owned(), position.parse().unwrap())
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("backup.json")).unwrap()).unwrap()
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

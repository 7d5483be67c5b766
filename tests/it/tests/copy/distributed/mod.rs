//! Each of these needs an engine.

mod adopt;
mod kills;
mod moved;

use std::path::{Path, PathBuf};
use std::process::Output;

use contracts::database::Database;
use contracts::services;
use it::{Answer, Client, Program};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// A folder for everything of a test, and an empty database whose tables are made.
struct Place {
    folder: TempDir,
    database: Database,
}

impl Place {
    async fn new() -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), Database::new().await);
        let place = Self { folder, database };
        let (url, brokers) = (&place.database.url, services::kafka());
        let settings = format!("[journal]\nurl = \"{url}\"\n[kafka]\nbrokers = \"{brokers}\"\n");
        std::fs::write(place.settings(), settings).unwrap();
        place.done(&mut place.command("unused", &["migrate"])).await;
        place
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("lawless.toml")
    }

    /// A folder in which a program has its data folder and its log.
    fn home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        std::fs::create_dir_all(&home).unwrap();
        home
    }

    fn data(&self, name: &str) -> PathBuf {
        self.home(name).join("data")
    }

    /// The program with these arguments, on the data folder of this name.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(it::lawless().unwrap());
        command.args(arguments).arg("--data").arg(self.data(name)).arg("--config").arg(self.settings());
        command.kill_on_drop(true);
        command
    }

    fn copy(&self, name: &str) -> Command {
        self.command(name, &["journal", "copy"])
    }

    /// Runs it; what it said, and its code.
    async fn said(&self, command: &mut Command) -> (i32, String) {
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let address = self.database.url.split_once("://").unwrap().1;
        let password = address.split_once('@').unwrap().0.split_once(':').unwrap().1;
        assert!(!said.contains(password), "a password is told: {said}");
        (status.code().unwrap(), said)
    }

    async fn done(&self, command: &mut Command) -> String {
        let (code, said) = self.said(command).await;
        assert_eq!(code, 0, "{said}");
        said
    }

    /// Starts a program on a data folder of its own journal.
    async fn start(&self, name: &str) -> Program {
        Program::start(&self.home(name)).await.unwrap()
    }

    /// Starts a program on the database, with the keys of another data folder.
    async fn start_distributed(&self, name: &str, keys_of: &str) -> Program {
        let data = self.data(name);
        std::fs::create_dir_all(&data).unwrap();
        for key in ["admin-key", "cursor-key"] {
            let theirs = self.data(keys_of).join(key);
            if !data.join(key).exists() && theirs.exists() {
                std::fs::copy(theirs, data.join(key)).unwrap();
            }
        }
        if !data.join("admin-key").exists() {
            // No server has run on that folder, so it has none.
            self.done(Command::new(it::lawless().unwrap()).args(["keys", "new"]).arg(&data)).await;
        }
        let settings = self.settings();
        let options = ["--empty", "--mode", "distributed", "--config", settings.to_str().unwrap()];
        Program::start_with(&self.home(name), &options).await.unwrap()
    }
}

async fn end(mut program: Program) {
    program.terminate().unwrap();
    assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
}

async fn define_categories(client: &Client) {
    for (path, body) in [
        ("categories/food", json!({"names": {"en": "Food", "de": "Essen"}})),
        ("categories/pizzeria", json!({"parent": "food", "names": {"en": "Pizzeria"}})),
    ] {
        let answer = client.command("PUT", &format!("/v1/{path}"), &body, &[]).await.unwrap();
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    }
}

async fn register(client: &Client, name: &str, key: &str) -> Answer {
    let body = json!({"name": name, "categories": ["pizzeria"]});
    client.command("POST", "/v1/businesses", &body, &[("Idempotency-Key", key)]).await.unwrap()
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("lawless-consistency").to_owned()
}

/// Journal and position of a token.
fn parts(token: &str) -> (String, u64) {
    let mut parts = token.split(';');
    assert_eq!(parts.next(), Some("v1"));
    (parts.next().unwrap().to_owned(), parts.next().unwrap().parse().unwrap())
}

/// A page, its bytes and its tag.
async fn page(client: &Client, path: &str, token: &str) -> (Vec<u8>, String) {
    let answer = client.get(path, &[("Lawless-Consistency", token)]).await.unwrap();
    assert_eq!((answer.status, answer.header("lawless-stale")), (200, ""), "{path}: {}", answer.text());
    (answer.body.clone(), answer.header("etag").to_owned())
}

fn problem(answer: &Answer) -> (u16, String, String) {
    let body: Value = answer.json().unwrap();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("code"), text("detail"))
}

fn journal_file(data: &Path) -> PathBuf {
    data.join("journal.sqlite")
}

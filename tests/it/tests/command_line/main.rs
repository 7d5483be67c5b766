//! What the program says and how it ends when it cannot do what it was asked.
#![allow(clippy::unwrap_used)]

mod terminal;
mod top;
mod verify;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use it::{Program, lawless};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(60);

fn command(data: &Path) -> Command {
    let mut command = Command::new(lawless().unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAWLESS_")) {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs to its end, which comes soon or never.
async fn output(command: &mut Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends by itself").unwrap()
}

/// The code, and what it said about it.
fn ended(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[tokio::test]
async fn a_busy_port_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (busy, free) in [("--listen", "--admin-listen"), ("--admin-listen", "--listen")] {
        let data = folder.path().join("data");
        let address = format!("127.0.0.1:{port}");
        let output = output(command(&data).args([busy, &address, free, "127.0.0.1:0"])).await;
        let (code, said) = ended(&output);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains(&port.to_string()) && said.contains(busy), "{said}");
        assert!(!data.join("journal.sqlite").exists());
    }
}

#[tokio::test]
async fn a_folder_in_use_is_refused_to_everyone_else() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let data = program.data();
    let second = output(command(&data).args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])).await;
    assert_eq!(ended(&second).0, 5);
    assert_eq!(ended(&output(command(&data).arg("demo")).await).0, 5);
    let listed = output(command(&data).args(["projections", "list"])).await;
    assert!(String::from_utf8(listed.stdout).unwrap().contains("directory: live"), "the running server is asked");
}

#[tokio::test]
async fn a_folder_of_another_format_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("format"), "lawless data folder 99\n").unwrap();
    std::fs::write(folder.path().join("journal.sqlite"), "of the future").unwrap();
    for task in [&["--empty"][..], &["demo"], &["projections", "list"]] {
        let (code, said) = ended(&output(command(folder.path()).args(task)).await);
        assert_eq!(code, 6, "{said}");
        assert!(said.contains("another version"), "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was added");
    assert_eq!(std::fs::read_to_string(folder.path().join("journal.sqlite")).unwrap(), "of the future");
}

#[tokio::test]
async fn wrong_options_and_settings_have_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(ended(&output(command(&data).arg("--no-such-option")).await).0, 2);
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "[server]\nlistn = \"127.0.0.1:1\"\n").unwrap();
    let (code, said) = ended(&output(command(&data).arg("--config").arg(&settings)).await);
    assert!(code == 3 && said.contains("listn"), "{code} {said}");
    let (code, said) = ended(&output(command(&data).env("LAWLESS_SERVER__LISTN", "127.0.0.1:1")).await);
    assert!(code == 3 && said.contains("listn"), "{code} {said}");
    assert!(!data.exists(), "settings are checked before anything is made");
}

#[tokio::test]
async fn the_demo_fills_an_empty_folder_and_never_one_that_has_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let demo = async || output(command(&data).args(["demo", "--businesses", "60"])).await;
    assert!(demo().await.status.success());
    let (code, said) = ended(&demo().await);
    assert!(code == 8 && said.contains("has data"), "{code} {said}");

    // A start without --empty leaves it as it is, too.
    let program = Program::start_with(folder.path(), &[]).await.unwrap();
    let groups: serde_json::Value =
        reqwest::get(format!("{}/admin/projections", program.admin())).await.unwrap().json().await.unwrap();
    // 100 nodes, 60 businesses, 6 follow-ups: 7 and 57 close, 3, 28 and 53 change, 11 moves.
    assert_eq!(groups[0]["head"], 166, "{groups}");
}

#[tokio::test]
async fn a_first_start_shows_a_finished_directory_and_a_restart_has_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "[demo]\nbusinesses = 200\n").unwrap();
    let options = ["--config", settings.to_str().unwrap()];
    let mut program = Program::start_with(folder.path(), &options).await.unwrap();
    let read = async |program: &Program, path: &str| {
        let answer = reqwest::get(format!("{}{path}", program.api())).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    };
    let list = "/v1/categories/restaurant/businesses";
    let first = read(&program, list).await;
    assert!(serde_json::from_str::<serde_json::Value>(&first).unwrap()["data"][0]["name"].is_string());
    assert!(read(&program, "/openapi.json").await.contains("\"openapi\": \"3.1"));
    assert!(read(&program, "/docs/").await.contains("swagger"));
    assert!(read(&program, "/docs/errors").await.contains("id=\"not_found\""));
    assert!(read(&program, "/docs/errors.http").await.contains("### 404 not_found"));
    assert!(read(&program, "/").await.contains("/v1/categories"));

    program.terminate().unwrap();
    assert_eq!(program.wait().await.unwrap().code(), Some(0), "a drained server ends well");
    let program = Program::start_with(folder.path(), &options).await.unwrap();
    assert_eq!(read(&program, list).await, first);
}

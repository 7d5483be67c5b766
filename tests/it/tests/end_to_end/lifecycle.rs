//! Starting, stopping, being killed, and finding others there before.

use std::process::Stdio;
use std::time::Duration;

use it::Program;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Mode, Town};

/// What readers see, with its validators.
async fn everything(program: &Program) -> Vec<(u16, String, Vec<u8>)> {
    let client = program.client().unwrap();
    let mut seen = Vec::new();
    for path in ["/v1/businesses?sort=name", "/v1/businesses/moe-s", "/v1/categories/food", "/v1/locations/us-il"] {
        let answer = client.get(path, &[]).await.unwrap();
        seen.push((answer.status, answer.header("etag").to_owned(), answer.body));
    }
    seen
}

pub(crate) async fn a_restart_and_a_kill_lose_nothing(mode: Mode) {
    let town = Town::start(mode).await;
    let moe = town.register("Moe's").await;
    assert_eq!(moe.page(&town.client).await.status, 200);
    let before = everything(&town.program).await;
    assert!(before.iter().all(|(status, ..)| *status == 200));
    let key = std::fs::read(town.program.data().join("admin-key")).unwrap();

    // When it ends in order
    let mut program = town.program;
    program.terminate().unwrap();
    assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
    drop(program);
    let program = town.home.start().await;
    assert_eq!(everything(&program).await, before);
    assert_eq!(std::fs::read(program.data().join("admin-key")).unwrap(), key, "the key stays");

    // When it is killed right after a command was acknowledged
    let client = program.client().unwrap();
    let patch = client.command("PATCH", &moe.path, &json!({"phone": "1"}), &[]).await.unwrap();
    assert_eq!(patch.status, 200);
    let token = patch.header("lawless-consistency").to_owned();
    program.kill().await.unwrap();
    let program = town.home.start().await;
    let client = program.client().unwrap();
    let page = client.get(&moe.path, &[("Lawless-Consistency", &token)]).await.unwrap();
    assert_eq!(page.json::<Value>().unwrap()["phone"], "1");
}

pub(crate) async fn a_request_that_has_begun_is_answered_before_the_program_ends(mode: Mode) {
    let town = Town::start(mode).await;
    // Given a command of which only half has arrived
    let address = town.program.api().strip_prefix("http://").unwrap().to_owned();
    let key = std::fs::read_to_string(town.program.data().join("admin-key")).unwrap();
    let body = json!({"name": "Late", "categories": ["food"]}).to_string();
    let head = format!(
        "POST /v1/businesses HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        key.trim(),
        body.len()
    );
    let mut connection = TcpStream::connect(&address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n", "the program waits for the body");
    // When it is told to end, and takes no more connections
    let mut program = town.program;
    program.terminate().unwrap();
    let refused = async {
        while TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("it goes on taking connections");
    // Then the command is still answered, and the program ends well
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
}

#[tokio::test]
async fn what_is_in_use_is_named() {
    let town = Town::start(Mode::Embedded).await;
    // Another program on the same data folder
    let log = town.home.folder().join("second-log");
    let mut second = Program::command(&town.program.data(), &log).unwrap();
    let status = second.status().await.unwrap();
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(status.code(), Some(5), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    assert_eq!(town.client.get("/v1/categories", &[]).await.unwrap().status, 200, "the first one does not mind");

    // Another program on the same port
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = tokio::process::Command::new(it::lawless().unwrap())
        .args(["--empty", "--listen", &address, "--admin-listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn operators_ask_on_a_listener_of_their_own() {
    let town = Town::start(Mode::Embedded).await;
    town.register("Moe's").await;
    let operators = it::Client::new(town.program.admin(), None);
    for path in ["/livez", "/readyz"] {
        assert_eq!(operators.get(path, &[]).await.unwrap().status, 200, "{path}");
        assert_eq!(town.client.get(path, &[]).await.unwrap().status, 404, "{path} is not public");
    }
    let metrics = operators.get("/metrics", &[]).await.unwrap().text();
    assert!(
        metrics.contains("lawless_commands_total{command=\"register_business\",outcome=\"created\"} 1"),
        "{metrics}"
    );
    assert!(town.program.admin().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn the_demo_fills_an_empty_folder_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let demo = async || {
        tokio::process::Command::new(it::lawless().unwrap())
            .args(["demo", "--businesses", "300", "--data"])
            .arg(folder.path().join("data"))
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap()
    };
    let first = demo().await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let second = demo().await;
    assert_eq!(second.status.code(), Some(8), "{}", String::from_utf8_lossy(&second.stderr));
    let program = Program::start(folder.path()).await.unwrap();
    let categories: Value = program.client().unwrap().get("/v1/categories", &[]).await.unwrap().json().unwrap();
    let counted: u64 = categories["data"].as_array().unwrap().iter().map(|c| c["businesses"].as_u64().unwrap()).sum();
    assert!(counted >= 250, "most of 300 businesses are open and listed: {categories}");
}

//! Views made anew while the program serves: nobody notices, and a killed program goes on with it.
#![allow(clippy::unwrap_used)]

mod kills;

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use it::{Client, Program};
use serde_json::{Value, json};
use tokio::process::Command;

/// Runs the program's command line on a folder.
async fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(it::lawless().unwrap());
    command.arg("--data").arg(data).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(Duration::from_secs(120), command.output()).await.expect("it did not end").unwrap()
}

/// What it said, if it went well.
async fn said(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments).await;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {} {out} {errors}", output.status);
    out.into_owned()
}

/// What the admin listener says about the directory's group.
async fn group(program: &Program) -> Value {
    let groups = reqwest::get(format!("{}/admin/projections", program.admin())).await.unwrap();
    let groups: Value = groups.json().await.unwrap();
    groups[0].clone()
}

/// Registers businesses, one after the other, until told to stop; each is read with its token.
async fn write(client: Client, category: String, acknowledged: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    let mut interval = tokio::time::interval(Duration::from_millis(5));
    while !stop.load(Ordering::Relaxed) {
        interval.tick().await;
        let number = acknowledged.load(Ordering::Relaxed);
        let body = json!({"name": format!("Newcomer {number}"), "categories": [category]});
        let Ok(answer) = client.command("POST", "/v1/businesses", &body, &[]).await else { return };
        assert_eq!(answer.status, 201, "{}", answer.text());
        acknowledged.fetch_add(1, Ordering::Relaxed);
        let (path, token) = (answer.header("location").to_owned(), answer.header("lawless-consistency").to_owned());
        let Ok(page) = client.get(&path, &[("Lawless-Consistency", &token)]).await else { return };
        // One that is not there yet says so.
        let stale = page.headers.contains_key("lawless-stale");
        assert!(page.status == 200 || stale, "{} {}", page.status, page.text());
    }
}

async fn first_category(client: &Client) -> String {
    let categories: Value = client.get("/v1/categories?limit=1", &[]).await.unwrap().json().unwrap();
    categories["data"][0]["slug"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_go_on_while_views_are_made_anew() {
    // Given: a directory that is read and written.
    let folder = tempfile::tempdir().unwrap();
    said(&folder.path().join("data"), &["demo", "--businesses", "2000"]).await;
    let program = Program::start(folder.path()).await.unwrap();
    let client = program.client().unwrap();
    let category = first_category(&client).await;
    let (stop, acknowledged, reads) =
        (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let mut tasks = vec![tokio::spawn(write(client.clone(), category.clone(), acknowledged.clone(), stop.clone()))];
    for path in [
        format!("/v1/categories/{category}/businesses"),
        "/v1/businesses?sort=newest".to_owned(),
        "/v1/locations".to_owned(),
    ] {
        let (client, stop, reads) = (client.clone(), stop.clone(), reads.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let answer = client.get(&path, &[]).await.unwrap();
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    // When: an operator has everything made anew.
    let data = program.data();
    let words = said(&data, &["projections", "rebuild", "directory"]).await;
    // Then: it is served, and it is what was served before.
    assert!(words.contains("generation 2 is served") && words.contains("no difference"), "{words}");
    assert!(said(&data, &["projections", "list"]).await.contains("generation 2 is served"));
    let status = group(&program).await;
    assert_eq!((&status["health"], &status["rebuild"]["phase"]), (&json!("live"), &json!("finished")), "{status}");

    // And: an operator can hold it, reads go on, and what was written shows once it goes on.
    assert!(said(&data, &["projections", "pause", "directory"]).await.contains("directory: paused"));
    let held = group(&program).await["published"].clone();
    let refused = run(&data, &["projections", "rebuild", "directory"]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the group is paused"));
    assert_eq!(group(&program).await["published"], held);
    said(&data, &["projections", "resume", "directory"]).await;

    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(acknowledged.load(Ordering::Relaxed) > 0 && reads.load(Ordering::Relaxed) > 0);
    let mut program = program;
    program.terminate().unwrap();
    assert!(program.wait().await.unwrap().success());
    assert!(said(&data, &["views", "verify"]).await.contains("all as a replay of the journal makes them"));

    // And: without a server the command does it itself.
    let words = said(&data, &["projections", "rebuild", "directory"]).await;
    assert!(words.contains("generation 3 is served") && words.contains("no difference"), "{words}");
}

#[tokio::test]
async fn strangers_and_unknown_groups_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let http = reqwest::Client::new();
    let key = std::fs::read_to_string(program.data().join("admin-key")).unwrap();
    let of_group = ["rebuild", "pause", "resume", "skip"].map(|operation| format!("projections/directory/{operation}"));
    for operation in of_group.iter().map(String::as_str).chain(["backup", "import"]) {
        let url = format!("{}/admin/{operation}", program.admin());
        for request in
            [http.post(&url), http.post(&url).bearer_auth("wrong"), http.post(&url).basic_auth("", Some(&key))]
        {
            // A stranger's body is nothing to look at, so that it is none is not said.
            assert_eq!(request.send().await.unwrap().status(), 401, "{operation}");
        }
    }
    for operation in ["rebuild", "pause", "resume"] {
        let output = run(&program.data(), &["projections", operation, "nonsense"]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("There is no such projection group: \"nonsense\" is none; there is \"directory\""),
            "{said}"
        );
    }
    assert_eq!(group(&program).await["health"], "live", "nobody paused it");
}

#[tokio::test]
async fn a_group_that_goes_on_with_nothing_to_do_says_that_it_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    for _ in 0..5 {
        let words = said(&program.data(), &["projections", "pause", "directory"]).await;
        assert!(words.contains("directory: paused"), "{words}");
        let words = said(&program.data(), &["projections", "resume", "directory"]).await;
        assert!(words.contains("directory: live"), "{words}");
    }
}

//! A restored journal is another one: what belongs to the old is refused, and what belongs to neither goes on.

use std::path::Path;

use it::{Client, Program};
use serde_json::{Value, json};

use super::{backup, command, done, end, ended, restore, start_with_category, token_parts};

/// What a client of the old journal holds.
struct Held {
    token: String,
    next: String,
    path: String,
    registered: Value,
}

const KEY: &[(&str, &str)] = &[("Idempotency-Key", "the-first")];

async fn fill(client: &Client) -> Held {
    let body = json!({"name": "Bar 0", "categories": ["bar"]});
    let first = client.command("POST", "/v1/businesses", &body, KEY).await.unwrap();
    assert_eq!(first.status, 201, "{}", first.text());
    let second = json!({"name": "Bar 1", "categories": ["bar"]});
    let second = client.command("POST", "/v1/businesses", &second, &[]).await.unwrap();
    let token = second.header("lawless-consistency").to_owned();
    let page = list(client, "", &token).await;
    let cursor = page["page"]["next_cursor"].as_str().unwrap();
    Held {
        token,
        next: format!("&cursor={cursor}"),
        path: first.header("location").to_owned(),
        registered: first.json().unwrap(),
    }
}

async fn list(client: &Client, more: &str, token: &str) -> Value {
    let path = format!("/v1/categories/bar/businesses?sort=name&limit=1{more}");
    let answer = client.get(&path, &[("Lawless-Consistency", token)]).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().unwrap()
}

/// Nothing of the old journal is taken for something of this one.
async fn assert_is_another(folder: &Path, held: &Held) {
    let program = Program::start(folder).await.unwrap();
    let client = program.client().unwrap();
    // The token names a position that this journal has, too.
    for path in [&*held.path, "/v1/categories/bar/businesses", "/v1/categories"] {
        let stale = client.get(path, &[("Lawless-Consistency", &held.token)]).await.unwrap();
        assert_eq!(stale.status, 409, "{path}: {}", stale.text());
    }
    let path = format!("/v1/categories/bar/businesses?sort=name&limit=1{}", held.next);
    let cursor = client.get(&path, &[]).await.unwrap();
    assert_eq!(cursor.json::<Value>().unwrap()["code"], "invalid_cursor", "a cursor names things by position");
    // The command was accepted before the backup: its repetition is still one, and its token is of this journal.
    let body = json!({"name": "Bar 0", "categories": ["bar"]});
    let again = client.command("POST", "/v1/businesses", &body, KEY).await.unwrap();
    assert_eq!(again.header("idempotent-replayed"), "true", "{}", again.text());
    assert_eq!(again.json::<Value>().unwrap()["id"], held.registered["id"]);
    let token = again.header("lawless-consistency");
    assert_ne!(token_parts(token).0, token_parts(&held.token).0);
    // The views were made anew, and everything goes on.
    assert_eq!(list(&client, "", token).await["data"][0]["name"], "Bar 0");
    let other = json!({"name": "Bar 2", "categories": ["bar"]});
    let other = client.command("POST", "/v1/businesses", &other, &[]).await.unwrap();
    assert_eq!(other.status, 201, "{}", other.text());
    assert_eq!(token_parts(other.header("lawless-consistency")).1, token_parts(&held.token).1 + 1);
    let data = end(program).await;
    done(command(&data).args(["views", "verify"])).await;
}

#[tokio::test]
async fn a_restored_journal_is_another_one() {
    // Given: a backup of a running server.
    let folder = tempfile::tempdir().unwrap();
    let (program, client) = start_with_category(folder.path()).await;
    let held = fill(&client).await;
    let saved = folder.path().join("saved");
    let said = done(&mut backup(&program.data(), &saved)).await;
    assert!(said.contains("3 events of journal"), "{said}");

    // When: it is restored elsewhere.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    done(&mut restore(&saved, &elsewhere.join("data"), false)).await;

    // Then: it is another journal; and the old one's views are refused there.
    assert_is_another(&elsewhere, &held).await;
    let old = end(program).await;
    let views = elsewhere.join("data/views");
    std::fs::remove_dir_all(&views).unwrap();
    std::fs::rename(old.join("views"), &views).unwrap();
    assert_views_are_refused(&elsewhere.join("data")).await;
}

/// Neither is anything served out of them, nor are they waited for.
async fn assert_views_are_refused(data: &Path) {
    let serve = ["--empty", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    for arguments in [&serve[..], &["views", "verify"]] {
        let (code, said) = ended(command(data).args(arguments)).await;
        assert_eq!(code, 7, "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_folder_that_was_moved_stays_the_same_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (program, client) = start_with_category(folder.path()).await;
    let held = fill(&client).await;
    let saved = folder.path().join("saved");
    done(&mut backup(&program.data(), &saved)).await;
    end(program).await;
    let moved = folder.path().join("moved");
    std::fs::create_dir(&moved).unwrap();
    done(&mut restore(&saved, &moved.join("data"), true)).await;

    // The views are there before any server was.
    done(command(&moved.join("data")).args(["views", "verify"])).await;
    let program = Program::start(&moved).await.unwrap();
    let client = program.client().unwrap();
    assert_eq!(list(&client, &held.next, &held.token).await["data"][0]["name"], "Bar 1");
    // Views that are ahead of the journal, as when its file alone is put back, are of events that it does not have.
    let other = json!({"name": "Bar 2", "categories": ["bar"]});
    let other = client.command("POST", "/v1/businesses", &other, &[]).await.unwrap();
    list(&client, "", other.header("lawless-consistency")).await;
    let data = end(program).await;
    std::fs::copy(saved.join("journal.sqlite"), data.join("journal.sqlite")).unwrap();
    assert_views_are_refused(&data).await;
}

#[tokio::test]
async fn an_adopted_journal_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let (program, client) = start_with_category(folder.path()).await;
    let held = fill(&client).await;
    let data = program.data();
    let (code, said) = ended(command(&data).args(["journal", "adopt"])).await;
    assert_eq!(code, 5, "a running server's journal stays as it is: {said}");
    end(program).await;
    let said = done(command(&data).args(["journal", "adopt"])).await;
    assert!(said.contains(&token_parts(&held.token).0), "{said}");
    assert!(!data.join("views").exists());
    assert_is_another(folder.path(), &held).await;
}

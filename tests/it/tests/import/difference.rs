//! A newer file: what is new, changed, gone, kept, and what stays as it is.

use it::Program;
use serde_json::{Value, json};

use crate::shops::{expected, import_shops, shops, succeeded, told};

async fn business(program: &Program, slug: &str) -> Value {
    program.client().unwrap().get(&format!("/v1/businesses/{slug}"), &[]).await.unwrap().json().unwrap()
}

async fn command(program: &Program, method: &str, path: &str, body: Value) {
    let answer = program.client().unwrap().command(method, path, &body, &[]).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn the_difference_of_a_newer_file_is_told_and_done_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let whole = shops(folder.path(), "first.csv", 100, |_| Some(json!({})));
    succeeded(&import_shops(folder.path(), &whole, &[]).output().await.unwrap());

    let mut program = Program::start(folder.path()).await.unwrap();
    for (slug, path, method, body) in [
        ("shop-10", "", "PATCH", json!({"phone": "+1"})),
        ("shop-11", "", "PATCH", json!({"name": "By an admin"})),
        ("shop-12", "/close", "POST", json!({})),
        ("shop-13", "/remove", "POST", json!({"reason": "never existed"})),
        ("shop-14", "/close", "POST", json!({})),
    ] {
        let id = business(&program, slug).await["id"].as_str().unwrap().to_owned();
        command(&program, method, &format!("/v1/businesses/{id}{path}"), body).await;
    }

    // Of 100: three changed, three left out (one of them closed already), one shut, two new.
    let newer = shops(folder.path(), "newer.csv", 102, |id| match id {
        1 => Some(json!({"name": "Another name"})),
        2 => Some(json!({"kind": "books"})),
        3 => Some(json!({"name": "Third", "kind": "books"})),
        11 => Some(json!({"name": "By the file"})),
        14 | 20 | 21 => None,
        22 => Some(json!({"kind": "shut"})),
        _ => Some(json!({})),
    });
    let difference = |gone: &str| {
        expected(&[
            "changed 1 /name",
            "changed 2 /categories",
            "changed 3 /name /categories",
            "new 101",
            "new 102",
            "kept 10 /phone",
            "kept 11 /name",
            "left 12 business_closed",
            "left 13 business_removed",
            "skipped 22 skipped",
            &format!("gone 20 {gone}"),
            &format!("gone 21 {gone}"),
            &format!("gone 22 {gone}"),
        ])
    };
    for _ in 0..2 {
        let said = succeeded(&import_shops(folder.path(), &newer, &["--dry-run"]).output().await.unwrap());
        assert!(said.contains("dry run: nothing was stored"), "{said}");
        assert_eq!(told(folder.path()), difference("closed"), "asked of the running server");
    }
    succeeded(&import_shops(folder.path(), &newer, &[]).output().await.unwrap());
    assert_eq!(told(folder.path()), difference("closed"), "done by the running server");
    assert_eq!(business(&program, "shop-20").await["status"], "closed");
    assert_eq!(business(&program, "shop-11").await["name"], "By an admin");

    // Without the server, from the events alone.
    program.terminate().unwrap();
    program.wait().await.unwrap();
    let rest = ["kept 10 /phone", "kept 11 /name", "left 12 business_closed", "left 13 business_removed"];
    let again = [&rest[..], &["skipped 22 skipped"]].concat();
    succeeded(&import_shops(folder.path(), &newer, &[]).output().await.unwrap());
    assert_eq!(told(folder.path()), expected(&again), "a third run changes nothing");

    let back = shops(folder.path(), "back.csv", 102, |id| match id {
        1 => Some(json!({"name": "Another name"})),
        2 => Some(json!({"kind": "books"})),
        3 => Some(json!({"name": "Third", "kind": "books"})),
        14 | 21 => None,
        _ => Some(json!({})),
    });
    succeeded(&import_shops(folder.path(), &back, &[]).output().await.unwrap());
    let back = [&rest[..1], &rest[2..], &["left 20 back_after_gone", "left 22 back_after_gone", "kept 11 /name"]];
    assert_eq!(told(folder.path()), expected(&back.concat()));
}

#[tokio::test]
async fn more_than_a_twentieth_of_the_scope_is_not_closed_unless_it_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let country = |id: u64| json!({"country": if id <= 60 { "AT" } else { "DE" }});
    let whole = shops(folder.path(), "first.csv", 100, |id| Some(country(id)));
    succeeded(&import_shops(folder.path(), &whole, &[]).output().await.unwrap());

    // Austria only, and four of its sixty are missing: less than a twentieth of all, more than one of Austria.
    let austria = shops(folder.path(), "austria.csv", 60, |id| (id > 4).then(|| country(id)));
    for options in [&["--scope", "all"][..], &["--scope", "/address/country=AT"], &["--dry-run"]] {
        let output = import_shops(folder.path(), &austria, options).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(10), "{options:?}: {said}");
        assert!(said.contains("nothing was closed"), "{options:?}: {said}");
        assert!(told(folder.path()).contains("gone 1 not_closed"), "{options:?}");
    }
    let scope = ["--scope", "/address/country=AT", "--allow-gone"];
    succeeded(&import_shops(folder.path(), &austria, &scope).output().await.unwrap());
    assert_eq!(told(folder.path()), (1..=4).map(|id| format!("gone {id} closed")).collect(), "none of Germany's");

    // Three of fifty-six and three of Germany's forty are too many; two of Germany's are not.
    let germany = shops(folder.path(), "germany.csv", 100, |id| (id > 62).then(|| country(id)));
    succeeded(&import_shops(folder.path(), &germany, &["--scope", "/address/country=DE"]).output().await.unwrap());
    assert_eq!(told(folder.path()), expected(&["gone 61 closed", "gone 62 closed"]));
}

#[tokio::test]
async fn rows_that_cannot_be_told_apart_from_what_is_gone_keep_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let whole = shops(folder.path(), "first.csv", 100, |_| Some(json!({})));
    succeeded(&import_shops(folder.path(), &whole, &[]).output().await.unwrap());
    let broken = shops(folder.path(), "broken.csv", 100, |id| (id != 50).then(|| json!({})));
    let mut text = std::fs::read_to_string(&broken).unwrap();
    text.push_str("50;cut off\n");
    std::fs::write(&broken, &text).unwrap();
    let output = import_shops(folder.path(), &broken, &[]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(told(folder.path()), expected(&["rejected - wrong_number_of_fields", "gone 50 not_closed"]));
    // A row that is rejected but says which one it is: that one is not gone.
    std::fs::write(&broken, text.replace("50;cut off", &format!("50;{};baker;;;AT;;;;", "Very ".repeat(60)))).unwrap();
    succeeded(&import_shops(folder.path(), &broken, &[]).output().await.unwrap());
    assert_eq!(told(folder.path()), expected(&["rejected 50 too_long"]));
}

#[tokio::test]
async fn the_admin_listener_takes_rows_only_with_the_key_and_only_whole_calls() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let url = format!("{}/admin/import", program.admin());
    let call =
        json!({"dry_run": false, "call": {"ensure_category": {"slug": "shop", "body": {"names": {"en": "Shop"}}}}});
    let key = std::fs::read_to_string(folder.path().join("data/admin-key")).unwrap();
    let post = async |key: &str, body: Value| {
        let request = reqwest::Client::new().post(&url).bearer_auth(key.trim()).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(post("wrong", call.clone()).await.0, 401);
    assert_eq!(post(&key, json!({"dry_run": false, "call": {"drop_everything": {}}})).await.0, 422);
    let rehearsed = json!({"dry_run": true, "call": call["call"]});
    for (body, is_new) in [(&rehearsed, true), (&call, true), (&call, false)] {
        let (status, answer) = post(&key, body.clone()).await;
        assert_eq!((status, &answer["answer"]["Ok"]["ensured"]), (200, &json!(is_new)), "{answer}");
    }
}

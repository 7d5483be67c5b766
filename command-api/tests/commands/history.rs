//! What a business was, and who made it so.

use serde_json::{Value, json};

use crate::server::{Answer, Server};

impl Server {
    async fn read(&self, path: &str) -> Answer {
        self.read_with(path, &[]).await
    }

    async fn read_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let authorization = format!("Bearer {}", self.key);
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        self.send_raw("GET", path, &all, "").await
    }
}

/// Registered, changed, moved, recategorised, closed, removed: versions 1 to 6.
async fn a_whole_life(server: &Server) -> String {
    let body = json!({
        "name": "Moe's", "categories": ["bar"], "phone": "1", "attributes": {"wheelchair": "yes"},
        "address": {"street": "57 Walnut Street", "locality": "Springfield"},
    });
    let id = server.send("POST", "/v1/businesses", &[], body).await.body["id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/v1/businesses/{id}{rest}");
    let change = json!({"phone": null, "slug": "moes", "attributes": {"wheelchair": "no", "popularity": "7"}});
    for (method, path, body) in [
        ("PATCH", at(""), change),
        ("POST", at("/relocate"), json!({"location": "us-il", "address": {"street": "1 Main Street"}})),
        ("POST", at("/recategorize"), json!({"categories": ["pizza", "bar"]})),
        ("POST", at("/close"), json!({"reason": "the owner retired"})),
        ("POST", at("/remove"), json!({"reason": "never existed"})),
    ] {
        assert_eq!(server.send(method, &path, &[], body).await.status, 200, "{path}");
    }
    id
}

#[tokio::test]
async fn given_a_whole_life_when_its_history_is_read_then_every_change_has_its_old_and_new_value() {
    let server = Server::start().await;
    let id = a_whole_life(&server).await;
    let history = server.read(&format!("/v1/businesses/{id}/history")).await;
    assert_eq!(history.status, 200, "{}", history.body);
    assert_eq!((history.header("etag"), history.header("cache-control")), ("\"v6\"", "private, no-cache"));
    assert_eq!(
        (&history.body["id"], &history.body["page"]),
        (&json!(id), &json!({"next_cursor": null, "has_more": false}))
    );
    let seen: Vec<Value> = history.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| json!([entry["version"], entry["event"], entry["reason"], entry["changes"]]))
        .collect();
    let change = |field: &str, old: Value, new: Value| json!({"field": field, "old": old, "new": new});
    let expected = [
        json!([6, "BusinessRemoved", "never existed", [change("/status", json!("closed"), json!("removed"))]]),
        json!([5, "BusinessClosed", "the owner retired", [change("/status", json!("open"), json!("closed"))]]),
        json!([4, "BusinessRecategorized", null, [change("/categories", json!(["bar"]), json!(["pizza", "bar"]))]]),
        json!([
            3,
            "BusinessRelocated",
            null,
            [
                change("/address/locality", json!("Springfield"), json!(null)),
                change("/address/street", json!("57 Walnut Street"), json!("1 Main Street")),
                change("/location", json!(null), json!("us-il")),
            ]
        ]),
        json!([
            2,
            "BusinessDetailsChanged",
            null,
            [
                change("/attributes/popularity", json!(null), json!("7")),
                change("/attributes/wheelchair", json!("yes"), json!("no")),
                change("/phone", json!("1"), json!(null)),
                change("/slug", json!("moe-s"), json!("moes")),
            ]
        ]),
        json!([
            1,
            "BusinessRegistered",
            null,
            [
                change("/address/locality", json!(null), json!("Springfield")),
                change("/address/street", json!(null), json!("57 Walnut Street")),
                change("/attributes/wheelchair", json!(null), json!("yes")),
                change("/categories", json!(null), json!(["bar"])),
                change("/name", json!(null), json!("Moe's")),
                change("/phone", json!(null), json!("1")),
                change("/slug", json!(null), json!("moe-s")),
                change("/status", json!(null), json!("open")),
            ]
        ]),
    ];
    assert_eq!(seen, expected);
    let newest = &history.body["data"][0];
    assert_eq!(newest["position"].as_u64().unwrap(), server.directory.head().await.0);
    let key_id = server.key.split('_').nth(2).unwrap();
    assert_eq!(newest["actor"], json!({"kind": "admin", "id": key_id}));
    for slug in ["moe-s", "moes"] {
        assert_eq!(server.read(&format!("/v1/businesses/{slug}/history")).await.body, history.body, "{slug}");
    }
}

#[tokio::test]
async fn given_a_long_history_when_it_is_walked_then_every_version_comes_once() {
    let server = Server::start().await;
    let id = server.moes().await;
    for phone in 0..299 {
        server.send("PATCH", &format!("/v1/businesses/{id}"), &[], json!({"phone": phone.to_string()})).await;
    }
    for limit in [7, 100] {
        let (mut versions, mut next) = (Vec::new(), format!("/v1/businesses/{id}/history?limit={limit}"));
        loop {
            let page = server.read(&next).await.body;
            let data = page["data"].as_array().unwrap();
            assert!(!data.is_empty() && data.len() <= limit);
            for entry in data.iter().filter(|entry| entry["version"] != 1) {
                let version = entry["version"].as_u64().unwrap();
                let old = (version > 2).then(|| (version - 3).to_string());
                let change = json!([{"field": "/phone", "old": old, "new": (version - 2).to_string()}]);
                assert_eq!(entry["changes"], change, "{version}");
            }
            versions.extend(data.iter().map(|entry| entry["version"].as_u64().unwrap()));
            assert_eq!(page["page"]["has_more"], page["page"]["next_cursor"].is_string());
            let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
            next = format!("/v1/businesses/moe-s/history?limit={limit}&cursor={cursor}");
        }
        assert_eq!(versions, (1..=300).rev().collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn given_a_whole_life_when_asked_for_a_moment_then_it_is_as_it_was() {
    let server = Server::start().await;
    let id = a_whole_life(&server).await;
    let history = server.read(&format!("/v1/businesses/{id}/history")).await.body;
    let recorded = |version: usize| history["data"][6 - version]["recorded_at"].as_str().unwrap().to_owned();
    let state = |as_of: String| {
        let (server, path) = (&server, format!("/v1/businesses/{id}/state?as_of={as_of}"));
        async move { server.read(&path).await }
    };
    let second = state("2".to_owned()).await;
    assert_eq!((second.status.as_u16(), second.header("etag")), (200, "\"v2\""));
    assert_eq!(
        second.body,
        json!({
            "id": id, "version": 2, "status": "open", "slug": "moes", "name": "Moe's", "categories": ["bar"],
            "address": {"street": "57 Walnut Street", "locality": "Springfield"},
            "attributes": {"wheelchair": "no", "popularity": "7"},
            "registered_at": recorded(1), "updated_at": recorded(2),
        })
    );
    assert_eq!(state(recorded(2)).await.body, second.body, "as of its own time");
    let fifth = state("5".to_owned()).await.body;
    assert_eq!((&fifth["status"], &fifth["location"]), (&json!("closed"), &json!("us-il")));
    let between: jiff::Timestamp = recorded(5).parse().unwrap();
    let before = between.as_microsecond() - 1;
    assert_eq!(state(jiff::Timestamp::from_microsecond(before).unwrap().to_string()).await.body["version"], 4);
}

#[tokio::test]
async fn given_questions_about_the_past_when_they_have_no_answer_then_it_is_said_why() {
    let server = Server::start().await;
    let moes = server.moes().await;
    let removed = a_whole_life(&server).await;
    let nobody = "01902d3e-7a1b-7c3d-8e4f-0123456789ab";
    let cursor = server.read(&format!("/v1/businesses/{removed}/history?limit=1")).await.body;
    let cursor = cursor["page"]["next_cursor"].as_str().unwrap().to_owned();
    let cases = [
        (format!("{nobody}/history"), 404, "not_found", ""),
        (format!("{nobody}/state"), 404, "not_found", ""),
        ("no-such-slug/state?as_of=1".to_owned(), 404, "not_found", ""),
        ("%ff/history".to_owned(), 400, "invalid_path", ""),
        (format!("{moes}/state?as_of=2"), 404, "version_not_found", ""),
        (format!("{removed}/state?as_of=7"), 404, "version_not_found", ""),
        (format!("{moes}/state?as_of=2001-01-01T00:00:00Z"), 404, "not_registered_yet", ""),
        (format!("{moes}/state?as_of=2999-01-01T00:00:00Z"), 400, "invalid_parameters", "?as_of"),
        (format!("{moes}/state?as_of=0"), 400, "invalid_parameters", "?as_of"),
        (format!("{moes}/state?as_of=2001-01-01T00:00:00+01:00"), 400, "invalid_parameters", "?as_of"),
        (format!("{moes}/state?asof=1"), 400, "invalid_parameters", "?asof"),
        (format!("{moes}/history?limit=0"), 400, "invalid_parameters", "?limit"),
        (format!("{moes}/history?limit=101"), 400, "invalid_parameters", "?limit"),
        (format!("{moes}/history?limit=1&limit=1"), 400, "invalid_parameters", "?limit"),
        (format!("{moes}/history?cursor=forged"), 400, "invalid_cursor", ""),
        (format!("{moes}/history?cursor={cursor}"), 400, "invalid_cursor", ""),
        (format!("{removed}/state"), 410, "removed", ""),
        (format!("{removed}/state?as_of=6"), 410, "removed", ""),
    ];
    for (path, status, code, pointer) in cases {
        let answer = server.read(&format!("/v1/businesses/{path}")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{path}: {}", answer.body);
        assert_eq!(answer.errors().first().map_or("", |(pointer, _)| pointer), pointer, "{path}: {}", answer.body);
    }
    for path in ["history", "state"] {
        let path = format!("/v1/businesses/{moes}/{path}");
        let refused = server.send_raw("GET", &path, &[], "").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "unauthorized"), "nobody else sees the past");
        let same = server.read_with(&path, &[("if-none-match", "\"v1\"")]).await;
        assert_eq!((same.status.as_u16(), &same.body, same.header("etag")), (304, &json!(""), "\"v1\""));
        assert_eq!(server.read_with(&path, &[("if-none-match", "\"v2\"")]).await.status, 200);
    }
}

//! What a client sees when all is well.

use axum::http::StatusCode;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn given_a_registration_when_accepted_then_it_says_where_and_how_to_read_it() {
    let server = Server::start().await;
    let answer = server.send("POST", "/v1/businesses", &[], json!({"name": "Moe's", "categories": ["bar"]})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/businesses/{id}"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let token: http_api::ConsistencyToken = answer.header("lawless-consistency").parse().unwrap();
    assert_eq!(token.position, server.directory.head().await);
    assert_eq!(answer.body, json!({"id": id, "slug": "moe-s", "version": 1, "outcome": "created"}));
    assert!(!answer.headers.contains_key("idempotent-replayed") && !answer.headers.contains_key("etag"));
}

#[tokio::test]
async fn given_a_business_when_commanded_then_every_endpoint_does_its_part() {
    let server = Server::start().await;
    let body = json!({"name": "Moe's", "categories": ["bar"], "phone": "1"});
    let id = server.send("POST", "/v1/businesses", &[], body).await.body["id"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/v1/businesses/{id}{rest}");
    let steps = [
        ("PATCH", at(""), json!({"phone": null, "slug": "moes"})),
        ("POST", at("/relocate"), json!({"location": "us-il-springfield"})),
        ("POST", at("/recategorize"), json!({"categories": ["pizza", "bar"]})),
        ("POST", at("/close"), json!({})),
        ("POST", at("/remove"), json!({"reason": "never existed"})),
    ];
    for (i, (method, path, body)) in steps.into_iter().enumerate() {
        let answer = server.send(method, &path, &[], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let version = i + 2;
        assert_eq!(answer.body, json!({"id": id, "slug": "moes", "version": version, "outcome": "changed"}), "{path}");
        assert!(!answer.headers.contains_key("location"));
    }
}

#[tokio::test]
async fn given_a_tree_when_a_node_is_put_then_it_is_created_then_changed_then_unchanged() {
    let server = Server::start().await;
    for (path, extra) in [("/v1/categories/caf%C3%A9", json!({})), ("/v1/locations/caf%C3%A9", json!({"kind": "city"}))]
    {
        let body = |name: &str| {
            let mut body = extra.clone();
            body["names"] = json!({ "en": name });
            body
        };
        let created = server.send("PUT", path, &[], body("Café")).await;
        assert_eq!((created.status, &created.body["slug"]), (StatusCode::CREATED, &json!("café")), "{}", created.body);
        assert_eq!(created.header("location"), path);
        assert_eq!(server.send("PUT", path, &[], body("Coffee")).await.body["outcome"], "changed");
        let same = server.send("PUT", path, &[], body("Coffee")).await;
        assert_eq!((same.status, &same.body["outcome"]), (StatusCode::OK, &json!("unchanged")));
    }
}

#[tokio::test]
async fn given_a_source_when_put_then_its_percent_encoded_id_is_the_source_id() {
    let server = Server::start().await;
    let path = "/v1/sources/osm/businesses/node%2F1";
    let body = json!({"name": "Moe's", "categories": ["bar"]});
    let created = server.send("PUT", path, &[], body.clone()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let mut with_source = body;
    with_source["source"] = json!({"system": "osm", "external_id": "node/1", "licence": "ODbL-1.0"});
    let same = server.send("PUT", path, &[], with_source).await;
    assert_eq!((same.status, &same.body["outcome"]), (StatusCode::OK, &json!("unchanged")));
    assert_eq!(same.body["id"], created.body["id"]);
    let claim = event_log::Claim { kind: event_log::ClaimKind::BusinessSource, value: "osm/node/1".to_owned() };
    let owners = event_log::Journal::find_claims(&server.directory.journal, &[claim]).await.unwrap();
    assert_eq!(owners[0].unwrap().id.to_string(), created.body["id"].as_str().unwrap());
}

#[tokio::test]
async fn given_an_idempotency_key_when_sent_again_then_the_first_answer_comes_again() {
    let server = Server::start().await;
    let send = |name: &'static str| {
        let body = json!({"name": name, "categories": ["bar"]});
        server.send("POST", "/v1/businesses", &[("idempotency-key", "k-1")], body)
    };
    let first = send("Moe's").await;
    let again = send("Moe's").await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("lawless-consistency"), first.header("lawless-consistency"));
    assert_eq!(again.header("location"), first.header("location"));
    let other = send("Barney's").await;
    assert_eq!((other.status, other.code()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"));
}

#[tokio::test]
async fn given_a_dry_run_when_sent_then_the_answer_says_so_and_nothing_is_stored() {
    let server = Server::start().await;
    let head = server.directory.head().await;
    let body = json!({"name": "Moe's", "categories": ["bar"]});
    let answer = server.send("POST", "/v1/businesses?dry_run=true", &[], body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!((&answer.body["dry_run"], &answer.body["outcome"]), (&json!(true), &json!("created")));
    assert!(!answer.headers.contains_key("location"));
    assert_eq!(server.directory.head().await, head);
    let refused = server.send("POST", "/v1/businesses?dry_run=true", &[], json!({"name": "Moe's"})).await;
    assert_eq!(refused.code(), "validation_failed");
}

#[tokio::test]
async fn given_a_request_id_that_is_a_uuid_when_sent_then_the_events_carry_it() {
    let server = Server::start().await;
    let head = server.directory.head().await;
    let id = "01902d3e-7a1b-7c3d-8e4f-0123456789ab";
    let body = json!({"name": "Moe's", "categories": ["bar"]});
    server.send("POST", "/v1/businesses", &[("x-request-id", id)], body).await;
    let feed = server.directory.journal.feed();
    let stored = event_log::EventFeed::read(&feed, head, 1).await.unwrap();
    assert_eq!(stored[0].header.correlation.to_string(), id);
    assert_eq!(stored[0].header.actor.kind, events::ActorKind::Admin);
}

#[test]
fn every_command_is_described() {
    let openapi = serde_json::to_value(command_api::openapi()).unwrap();
    let described: Vec<(String, String)> = openapi["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone())))
        .collect();
    let expected = [
        ("/v1/businesses", "post"),
        ("/v1/businesses/{id}", "patch"),
        ("/v1/businesses/{id}/close", "post"),
        ("/v1/businesses/{id}/history", "get"),
        ("/v1/businesses/{id}/recategorize", "post"),
        ("/v1/businesses/{id}/relocate", "post"),
        ("/v1/businesses/{id}/remove", "post"),
        ("/v1/businesses/{id}/state", "get"),
        ("/v1/categories/{slug}", "put"),
        ("/v1/commands:batch", "post"),
        ("/v1/locations/{slug}", "put"),
        ("/v1/sources/{system}/businesses/{external_id}", "put"),
    ];
    let mut described: Vec<(&str, &str)> = described.iter().map(|(path, method)| (&**path, &**method)).collect();
    described.sort_unstable();
    assert_eq!(described, expected);
    let single = |(path, method): &(&str, &str)| *method != "get" && *path != command_api::BATCH_PATH;
    for (path, method) in expected.into_iter().filter(single) {
        let operation = &openapi["paths"][path][method];
        assert!(!operation["security"].as_array().unwrap().is_empty(), "{path}");
        assert!(operation["responses"]["422"]["content"]["application/problem+json"].is_object(), "{path}");
        assert!(operation["requestBody"]["content"]["application/json"].is_object(), "{path}");
    }
    let required = &openapi["components"]["schemas"]["RegisterBusiness"]["required"];
    assert_eq!(*required, json!(["name", "categories"]));
}

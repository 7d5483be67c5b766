//! Many commands in one request: each as if it had come alone.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use command_api::{BatchOptions, BatchResult};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::batches::{Batches, PATIENCE, Running, code, pointers, register};
use crate::server::Server;

#[tokio::test]
async fn given_every_command_when_sent_in_one_batch_then_each_does_its_part() {
    let batches = Batches::start(BatchOptions::default()).await;
    let id = batches.moes().await;
    let source = json!({"system": "osm", "external_id": "node/1"});
    let results = batches
        .send(
            "",
            &[
                json!({"command": "define_category", "slug": "pub", "body": {"parent": "bar", "names": {"en": "Pub"}}}),
                json!({"command": "define_location", "slug": "us-wi",
                    "body": {"parent": "us", "kind": "region", "names": {"en": "Wisconsin"}}}),
                json!({"command": "upsert_business_from_source",
                    "body": {"name": "Barney's", "categories": ["pub"], "location": "us-wi", "source": source}}),
                json!({"command": "change_business_details", "id": id, "body": {"phone": "1"}, "if_match": "v1"}),
                json!({"command": "relocate_business", "id": id, "body": {"location": "us-wi"}, "if_match": "*"}),
                json!({"command": "recategorize_business", "id": id, "body": {"categories": ["pub", "bar"]}}),
                json!({"command": "close_business", "id": id, "body": {}}),
                json!({"command": "remove_business", "id": id, "body": {"reason": "never existed"}}),
                json!({"command": "define_category", "slug": "pub", "body": {"names": {"en": "x"}}, "if_none_match": "*"}),
            ],
        )
        .await;
    let came: Vec<_> = results.iter().map(|r| (r.status, r.version.unwrap_or(0), code(r))).collect();
    let ok = |status, version| (status, version, "");
    let expected = [
        ok(201, 1),
        ok(201, 1),
        ok(201, 1),
        ok(200, 2),
        ok(200, 3),
        ok(200, 4),
        ok(200, 5),
        ok(200, 6),
        (412, 0, "version_mismatch"),
    ];
    assert_eq!(came, expected);
    let newest = batches.directory.head().await;
    let token: http_api::ConsistencyToken = results[7].token.as_ref().unwrap().parse().unwrap();
    assert_eq!((token.position, results[7].position), (newest, Some(newest.0)));
    assert_eq!(results[7].id.unwrap().to_string(), id);
}

#[tokio::test]
async fn given_a_wrong_line_when_sent_then_only_that_line_is_refused() {
    let options = BatchOptions { max_line_bytes: 1_000, ..BatchOptions::default() };
    let batches = Batches::start(options).await;
    let long = format!("{}\n", register(&"x".repeat(1_000)));
    let wrong: Vec<(&[u8], u16, &str, Vec<&str>)> = vec![
        (b"{", 400, "malformed_request", vec![""]),
        (b"[]", 400, "malformed_request", vec![""]),
        (b"\xff\xfe", 400, "malformed_request", vec![""]),
        (b"{\"command\":\"register_business\",\"body\":{\"name\":\"\xff\"}}", 400, "malformed_request", vec!["/body"]),
        (b"{} {}", 400, "malformed_request", vec![""]),
        (b"{}", 400, "malformed_request", vec!["/command"]),
        (b"{\"command\":\"nope\",\"command\":\"x\"}", 400, "malformed_request", vec!["/command"]),
        (b"{\"command\":\"nope\"}", 400, "malformed_request", vec!["/command"]),
        (b"{\"command\":\"close_business\"}", 400, "malformed_request", vec!["/body", "/id"]),
        (b"{\"command\":\"register_business\",\"body\":{},\"id\":\"x\",\"slug\":\"y\"}", 400, "malformed_request",
            vec!["/id", "/slug"]),
        (b"{\"command\":\"register_business\",\"body\":{},\"if_match\":\"3\",\"if_none_match\":\"*\",\"idempotency_key\":\"\"}",
            400, "malformed_request", vec!["/if_match", "/if_none_match", "/idempotency_key"]),
        (b"{\"command\":\"register_business\",\"body\":{\"nmae\":1}}", 400, "malformed_request", vec!["/body/nmae"]),
        (b"{\"command\":\"register_business\",\"body\":{}}", 422, "validation_failed", vec!["/body/categories", "/body/name"]),
        (b"{\"command\":\"define_category\",\"slug\":\"Not-Ok\",\"body\":{\"names\":{}}}", 422, "validation_failed",
            vec!["/body/names", "/slug"]),
        (b"{\"command\":\"close_business\",\"id\":\"moe-s\",\"body\":{}}", 404, "business_not_found", vec![]),
        (long.as_bytes().trim_ascii_end(), 413, "payload_too_large", vec![]),
    ];
    let mut text = Vec::new();
    for (line, ..) in &wrong {
        text.extend([line, b"\n".as_slice(), register("Moe's").to_string().as_bytes(), b"\n"].concat());
    }
    let results = batches.send_bytes("", text).await;
    assert_eq!(results.len(), wrong.len() * 2);
    for (pair, (line, status, code_of_it, pointers_of_it)) in results.chunks(2).zip(&wrong) {
        let line = String::from_utf8_lossy(line);
        assert_eq!((pair[0].status, code(&pair[0])), (*status, *code_of_it), "{line}");
        let mut found = pointers(&pair[0]);
        found.sort_unstable();
        let mut wanted = pointers_of_it.clone();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{line}");
        assert_eq!(pair[0].problem.as_ref().unwrap().request_id, "the-request");
        assert_eq!(pair[1].status, 201, "{line}: the line after it is taken");
    }
}

#[tokio::test]
async fn given_a_refusal_of_an_endpoint_when_the_same_stands_in_a_line_then_it_is_the_same() {
    let server = Server::start().await;
    let batches = Batches::start(BatchOptions::default()).await;
    let nobody = "01902d3e-7a1b-7c3d-8e4f-0123456789ab";
    let cases = [
        ("POST", "/v1/businesses", "register_business", json!({}), json!({"name": "", "categories": ["zoo"]})),
        ("POST", "/v1/businesses", "register_business", json!({}), json!({"name": "A", "categories": ["zoo"]})),
        ("POST", "/v1/businesses", "register_business", json!({}), json!({"name": 5})),
        (
            "PATCH",
            &format!("/v1/businesses/{nobody}"),
            "change_business_details",
            json!({"id": nobody}),
            json!({"phone": "1"}),
        ),
        ("PATCH", "/v1/businesses/moe-s", "change_business_details", json!({"id": "moe-s"}), json!({"phone": "1"})),
        ("PUT", "/v1/categories/Bad", "define_category", json!({"slug": "Bad"}), json!({"names": {}})),
        (
            "PUT",
            "/v1/categories/x",
            "define_category",
            json!({"slug": "x"}),
            json!({"parent": "zoo", "names": {"en": "x"}}),
        ),
        (
            "PUT",
            "/v1/categories/bar",
            "define_category",
            json!({"slug": "bar"}),
            json!({"parent": "pizza", "names": {"en": "x"}}),
        ),
    ];
    for (method, path, command, members, body) in cases {
        let alone = server.send(method, path, &[], body.clone()).await;
        let mut line = members;
        (line["command"], line["body"]) = (json!(command), body);
        let result = &batches.send("", &[line.clone()]).await[0];
        let mut problem = serde_json::to_value(result.problem.as_ref().unwrap()).unwrap();
        for error in problem.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
            let pointer = error["pointer"].as_str().unwrap();
            let alone = if pointer == "/slug" { "{slug}" } else { pointer.strip_prefix("/body").unwrap() };
            error["pointer"] = json!(alone);
        }
        problem["request_id"] = alone.body["request_id"].clone();
        assert_eq!((result.status, problem), (alone.status.as_u16(), alone.body), "{line}");
    }
}

#[tokio::test]
async fn given_a_request_that_is_no_batch_when_sent_then_it_is_refused_as_a_whole() {
    let batches = Batches::start(BatchOptions { max_batches: 1, ..BatchOptions::default() }).await;
    let ndjson = ("content-type", "application/x-ndjson");
    let long = "application/x-ndjson; charset=utf-8";
    for (query, headers, status, code, pointers) in [
        ("", vec![("content-type", "application/json")], 415, "unsupported_media_type", vec![]),
        ("", vec![], 415, "unsupported_media_type", vec![]),
        ("?dryrun=true", vec![ndjson], 400, "unknown_parameter", vec!["?dryrun"]),
        (
            "",
            vec![ndjson, ("idempotency-key", "k"), ("if-match", "*")],
            400,
            "malformed_request",
            vec!["Idempotency-Key", "If-Match"],
        ),
        ("", vec![ndjson, ("if-none-match", "*")], 400, "malformed_request", vec!["If-None-Match"]),
        ("?dry_run=true", vec![("content-type", long)], 200, "", vec![]),
    ] {
        let answer = batches.request(query, &headers, Body::from(register("Moe's").to_string())).await;
        assert_eq!(answer.status().as_u16(), status, "{headers:?}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"].as_str().unwrap_or_default(), code);
        let named = problem["errors"].as_array().into_iter().flatten().map(|error| error["pointer"].as_str().unwrap());
        assert_eq!(named.collect::<Vec<_>>(), pointers, "{headers:?}");
    }
    // While one runs, another is told to come again; when it has ended, it may.
    let mut first = batches.begin("").await;
    let second = batches.request("", &[ndjson], Body::empty()).await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(second.headers().contains_key("retry-after"));
    let problem: Value = serde_json::from_slice(&second.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(problem["code"], "too_many_batches");
    first.send(&register("Moe's")).await;
    let Running { lines, mut results, .. } = first;
    drop(lines);
    while results.frame().await.is_some() {}
    // Its permit goes back a moment after its last byte.
    let again = async { while batches.request("", &[ndjson], Body::empty()).await.status() != StatusCode::OK {} };
    tokio::time::timeout(PATIENCE, again).await.expect("another may run");
}

#[tokio::test]
async fn given_a_dry_run_when_sent_then_each_line_is_judged_by_itself_and_nothing_is_stored() {
    let batches = Batches::start(BatchOptions::default()).await;
    let head = batches.directory.head().await;
    let results = batches.send("?dry_run=true", &[register("Moe's"), register("Moe's"), json!({})]).await;
    for result in &results[..2] {
        let Some("created") = result.outcome.as_deref() else { panic!("{result:?}") };
        assert_eq!((result.status, result.dry_run, result.slug.as_deref()), (200, true, Some("moe-s")));
    }
    assert_eq!((results[2].status, batches.directory.head().await), (400, head));
}

#[tokio::test]
async fn given_the_same_keys_when_a_batch_is_sent_again_then_it_is_not_done_again() {
    let batches = Batches::start(BatchOptions::default()).await;
    let lines: Vec<Value> = (0..50)
        .map(|number| {
            let mut line = register("Moe's");
            line["idempotency_key"] = json!(format!("k-{number}"));
            line
        })
        .collect();
    let first = batches.send("", &lines).await;
    let head = batches.directory.head().await;
    let again = batches.send("", &lines).await;
    assert_eq!(batches.directory.head().await, head);
    for (first, again) in first.into_iter().zip(again) {
        assert_eq!(again, BatchResult { replayed: true, ..first });
    }
    // The same key twice in one batch: the first line wins, whatever the second says.
    let mut twice = [register("Barney's"), register("Barney's"), register("Other")];
    twice.iter_mut().for_each(|line| line["idempotency_key"] = json!("twice"));
    let results = batches.send("", &twice).await;
    assert_eq!((results[0].replayed, results[1].replayed, code(&results[2])), (false, true, "idempotency_key_reused"));
}

#[tokio::test]
async fn given_an_open_batch_when_a_line_is_sent_then_its_result_comes_before_the_next_line_is_sent() {
    let batches = Batches::start(BatchOptions::default()).await;
    let mut running = batches.begin("").await;
    let mut id = None;
    for number in 1..=5 {
        let line = match id {
            None => register("Moe's"),
            Some(id) => json!({"command": "change_business_details", "id": id, "body": {"phone": number.to_string()}}),
        };
        running.send(&line).await;
        let result = running.result().await.unwrap();
        assert_eq!((result.line, result.version), (number, Some(number)), "{result:?}");
        id = result.id;
    }
    let Running { lines, results, unread } = running;
    drop(lines);
    assert!(unread.is_empty() && results.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn given_results_that_nobody_reads_when_lines_go_on_then_no_more_are_taken_and_the_batch_ends() {
    let options = BatchOptions {
        max_lines_in_flight: 8,
        result_write_timeout: Duration::from_millis(300),
        ..BatchOptions::default()
    };
    let batches = Batches::start(options).await;
    let head = batches.directory.head().await;
    let Running { mut lines, results, .. } = batches.begin("").await;
    let mut sent = 0;
    // It ends when the batch lets go of its input.
    while lines.send_data(format!("{}\n", register("Moe's")).into()).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 500, "{sent} lines were taken, and no result was read");
    // The answer breaks off: it must not look complete.
    assert!(results.collect().await.is_err());
    // What had been begun is finished.
    while batches.directory.head().await.0 < head.0 + 8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn given_a_server_that_stops_when_a_batch_runs_then_what_was_taken_is_answered_and_the_rest_named() {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let batches =
        Batches::start(BatchOptions { stop: Some(stopped), early_end_patience: PATIENCE, ..BatchOptions::default() })
            .await;
    let mut running = batches.begin("").await;
    for _ in 0..3 {
        running.send(&register("Moe's")).await;
    }
    assert_eq!(running.result().await.unwrap().line, 1);
    stop.send_replace(true);
    let mut answered = 1;
    let last = loop {
        let result = running.result().await.expect("it says why it ends");
        assert_eq!(result.line, answered + 1);
        if result.status != 201 {
            break result;
        }
        answered += 1;
    };
    assert_eq!((last.status, code(&last)), (503, "unavailable"));
    assert!(last.problem.unwrap().retryable);
    // What the client still sends is taken off the wire, or it could not read why; the answer ends when it ends.
    for _ in 0..20 {
        running.send(&register("Moe's")).await;
    }
    let Running { lines, results, unread } = running;
    drop(lines);
    assert!(unread.is_empty() && results.collect().await.unwrap().to_bytes().is_empty());
    let refused = batches.begin("").await.result().await.unwrap();
    assert_eq!((refused.line, code(&refused)), (1, "unavailable"));
}

#[tokio::test]
async fn given_lines_that_do_not_come_when_time_is_up_then_the_batch_ends_and_says_where() {
    let options = BatchOptions {
        line_read_timeout: Duration::from_millis(200),
        early_end_patience: Duration::from_millis(200),
        ..BatchOptions::default()
    };
    let batches = Batches::start(options).await;
    let mut running = batches.begin("").await;
    running.send(&register("Moe's")).await;
    running.lines.send_data("{\"command\":".into()).await.unwrap();
    assert_eq!(running.result().await.unwrap().status, 201);
    let last = running.result().await.unwrap();
    assert_eq!((last.line, last.status, code(&last)), (2, 408, "batch_timed_out"));
    assert!(running.result().await.is_none());

    let mut running = batches.begin("").await;
    running.send(&register("Moe's")).await;
    running.lines.send_data(register("Half").to_string().into()).await.unwrap();
    let Running { lines, results, unread } = running;
    lines.abort(axum::Error::new("the client is gone"));
    let bytes = results.collect().await.unwrap().to_bytes();
    let all: Vec<BatchResult> = [unread, bytes.to_vec()]
        .concat()
        .split_inclusive(|b| *b == b'\n')
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    assert_eq!(all.iter().map(|r| (r.line, r.status)).collect::<Vec<_>>(), [(1, 201), (2, 400)]);
    assert_eq!(code(&all[1]), "batch_broken_off", "a line that may be cut off is not taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_a_client_that_goes_away_when_a_batch_runs_then_what_was_answered_is_there_and_nothing_half() {
    let batches = Batches::start(BatchOptions::default()).await;
    let head = batches.directory.head().await;
    let mut running = batches.begin("").await;
    for _ in 0..40 {
        running.send(&register("Moe's")).await;
    }
    let mut answered = Vec::new();
    while answered.len() < 10 {
        answered.push(running.result().await.unwrap());
    }
    let Running { lines, results, .. } = running;
    drop(results);
    lines.abort(axum::Error::new("gone"));
    let events = batches.directory.events_after(head).await;
    assert!(events.len() >= answered.len());
    for result in answered {
        let there = usize::try_from(result.position.unwrap() - head.0).unwrap() - 1;
        let events::Event::BusinessRegistered(event) = &events[there] else { panic!("{result:?}") };
        assert_eq!(event.business_id.0, result.id.unwrap());
    }
}

//! Bodies that are too large, too slow, or not as long as they say.

use std::time::{Duration, Instant};

use crate::{Town, code};

const TEN_MEGABYTES: usize = 10_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_ten_megabytes_is_refused_and_its_sender_can_read_why() {
    let town = Town::start().await;
    let body = vec![b' '; TEN_MEGABYTES];
    let json = "Content-Type: application/json";
    let length = format!("Content-Length: {TEN_MEGABYTES}");
    let sent = async |head: String, body: &[u8]| {
        let mut wire = town.wire().await;
        wire.send(head).await.unwrap();
        wire.send(body).await.unwrap();
        let answer = wire.receive().await.unwrap();
        assert_eq!((answer.status, &*code(&answer)), (413, "payload_too_large"));
    };
    let whole = || sent(town.head("POST /v1/businesses", &[json, &length]), &body);
    tokio::join!(whole(), whole(), whole(), whole(), whole(), whole());
    let chunk = [format!("{TEN_MEGABYTES:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    sent(town.head("POST /v1/businesses", &[json, "Transfer-Encoding: chunked"]), &chunk).await;

    // Who asks first does not have to send it.
    let asking = town.head("POST /v1/businesses", &[json, &length, "Expect: 100-continue"]);
    assert_eq!(code(&town.ask(asking).await), "payload_too_large");

    // Who has no key is not listened to for so long: refused, or cut off while sending.
    let mut stranger = town.wire().await;
    let head = format!("POST /v1/businesses HTTP/1.1\r\nHost: here\r\n{json}\r\n{length}\r\n\r\n");
    stranger.send(head).await.unwrap();
    let sent_all = stranger.send(&body).await;
    match stranger.receive().await {
        Ok(answer) => assert_eq!(code(&answer), "unauthorized"),
        Err(_) => assert!(sent_all.is_err(), "nothing was said to somebody who was listened to"),
    }
    town.still_serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_slowly_is_cut_off() {
    let town = Town::start_with("[server]\nheader_read_timeout_ms = 400\nbody_read_timeout_ms = 400\n").await;
    let trickle = Duration::from_millis(40);
    let started = Instant::now();

    // A body, a byte at a time: it never ends.
    let mut body = town.wire().await;
    let head = town.head("POST /v1/businesses", &["Content-Type: application/json", "Content-Length: 100000"]);
    body.send(head).await.unwrap();
    // A head, a byte at a time; one that stops; one that does not begin; and one that never comes after an answer.
    let mut head = town.wire().await;
    head.send("GET /v1/categories HTTP/1.1\r\nHost: ").await.unwrap();
    let mut stopped = town.wire().await;
    stopped.send("GET /v1/categories HTTP/1.1\r\nHost: here\r\n").await.unwrap();
    let mut silent = town.wire().await;
    let mut kept = town.wire().await;
    kept.send("GET /v1/categories HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
    assert_eq!(kept.receive().await.unwrap().status, 200);

    let (mut body_answered, mut head_closed) = (false, false);
    while !(body_answered && head_closed) {
        assert!(started.elapsed() < Duration::from_secs(20), "body {body_answered}, head {head_closed}");
        body_answered = body_answered || body.send(" ").await.is_err() || body.has_come_within(trickle).await;
        head_closed = head_closed || head.send("x").await.is_err() || head.has_come_within(trickle).await;
    }
    let answer = body.receive().await.unwrap();
    assert_eq!((answer.status, &*code(&answer)), (408, "body_timed_out"));
    for (what, wire) in [("stopped", &mut stopped), ("silent", &mut silent), ("kept", &mut kept)] {
        assert!(wire.is_closed().await, "{what}");
    }
    town.still_serves().await;
}

#[tokio::test]
async fn a_length_that_is_wrong_stores_nothing_and_is_no_way_in() {
    let town = Town::start().await;
    let body = r#"{"name": "Half", "categories": ["food"]}"#;
    let json = "Content-Type: application/json";
    let post = "POST /v1/businesses";

    // Less than announced, then nothing more.
    let mut wire = town.wire().await;
    wire.send(town.head(post, &[json, "Content-Length: 1000"])).await.unwrap();
    wire.send(body).await.unwrap();
    wire.end().await.unwrap();
    if let Ok(answer) = wire.receive().await {
        assert_eq!(code(&answer), "malformed_request");
    }
    // More than announced: the rest is no request, and what of the body is whole was none either.
    let mut wire = town.wire().await;
    wire.send(town.head(post, &[json, "Content-Length: 7"])).await.unwrap();
    wire.send(body).await.unwrap();
    assert_eq!(code(&wire.receive().await.unwrap()), "malformed_request");
    assert!(wire.receive().await.is_ok_and(|answer| answer.status == 400) && wire.is_closed().await);
    // Lengths that no server should guess at. What comes after them must not be taken for a request.
    let hidden = "GET /v1/categories HTTP/1.1\r\nHost: here\r\n\r\n";
    for lengths in [
        &["Content-Length: 5", "Content-Length: 40"][..],
        &["Content-Length: -1"],
        &["Content-Length: +40"],
        &["Content-Length: 99999999999999999999999"],
        &["Content-Length: 5, 40"],
        &["Content-Length: 5", "Transfer-Encoding: chunked"],
        &["Transfer-Encoding: chunked, identity"],
        &["Transfer-Encoding: xchunked"],
    ] {
        let mut wire = town.wire().await;
        let headers = [&[json], lengths].concat();
        wire.send([town.head(post, &headers).as_str(), "5\r\n12345\r\n0\r\n\r\n", hidden].concat()).await.unwrap();
        while let Ok(answer) = wire.receive().await {
            assert!((400..500).contains(&answer.status), "{lengths:?}: {answer:?}");
        }
        assert!(wire.is_closed().await, "{lengths:?}");
    }
    // Chunks that are none.
    for chunks in ["x\r\n", "-1\r\n", "fffffffffffffffffff\r\n", "5\r\n1234567890\r\n", "5;a=b\nx\r\n"] {
        let mut wire = town.wire().await;
        wire.send(town.head(post, &[json, "Transfer-Encoding: chunked"])).await.unwrap();
        wire.send(chunks).await.unwrap();
        wire.end().await.unwrap();
        if let Ok(answer) = wire.receive().await {
            assert_eq!((answer.status, &*code(&answer)), (400, "malformed_request"), "{chunks:?}");
        }
    }
    assert_eq!(town.get("/v1/businesses?sort=name").await.json().unwrap()["data"].as_array().unwrap().len(), 1);
    town.still_serves().await;
}

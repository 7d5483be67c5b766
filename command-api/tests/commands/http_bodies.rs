//! Bodies that do not arrive as they should.

use axum::body::{Body, Bytes};
use command_api::MAX_BODY_BYTES;
use http_api::BodyTimedOut;
use http_body_util::channel::Channel;
use serde_json::json;

use crate::server::{Answer, Server};

const WHOLE: &str = r#"{"name": "Moe's", "categories": ["bar"]}"#;

async fn post(server: &Server, body: impl Into<Body>) -> Answer {
    let authorization = format!("Bearer {}", server.key);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    server.send_raw("POST", "/v1/businesses", &headers, body).await
}

#[tokio::test]
async fn given_a_body_that_ends_badly_when_sent_then_it_is_refused_even_if_it_could_be_all_of_it() {
    let server = Server::start().await;
    let head = server.directory.head().await;
    for (end, status, code) in [
        (axum::Error::new(axum::Error::new(BodyTimedOut)), 408, "body_timed_out"),
        (axum::Error::new("reset"), 400, "malformed_request"),
    ] {
        let (mut sender, body) = Channel::<Bytes, axum::Error>::new(2);
        sender.send_data(WHOLE.into()).await.unwrap();
        sender.abort(end);
        let answer = post(&server, Body::new(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code));
        assert_eq!(answer.body["retryable"], json!(status == 408));
    }
    assert_eq!(server.directory.head().await, head, "nothing is stored");
}

#[tokio::test]
async fn given_a_body_that_is_too_large_when_sent_then_all_of_it_is_taken_before_it_is_refused() {
    let server = Server::start().await;
    let (mut sender, body) = Channel::<Bytes, axum::Error>::new(1);
    let sending = async {
        for _ in 0..8 {
            sender.send_data(vec![b' '; MAX_BODY_BYTES].into()).await.expect("somebody takes it");
        }
        drop(sender);
    };
    let (answer, ()) = tokio::join!(post(&server, Body::new(body)), sending);
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "payload_too_large"));
}

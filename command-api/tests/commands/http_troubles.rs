//! Troubles of the server's own: who asks is told to come again, and what was not stored is stored then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use command_api::CommandOptions;
use event_log::{Append, SqliteJournalOptions};
use serde_json::json;

use crate::directory::*;
use crate::server::{Answer, Server};
use crate::wrapped::Wrapped;

fn assert_come_again(answer: &Answer, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (503, code), "{}", answer.body);
    assert_eq!((answer.header("retry-after"), &answer.body["retryable"]), ("1", &json!(true)), "{}", answer.body);
}

#[tokio::test]
async fn given_a_full_journal_when_commanded_then_503_and_what_is_there_is_told_again() {
    let small = SqliteJournalOptions { max_bytes: Some(400 * 1024), ..SqliteJournalOptions::default() };
    let server = Server::of(Directory::on(small).await);
    let names: serde_json::Map<_, _> = (0..50).map(|i| (format!("en-x{i:02}"), json!("x".repeat(100)))).collect();
    let body = json!({ "names": names });
    let define = async |number: u64| {
        let name = format!("category-{number}");
        server.send("PUT", &format!("/v1/categories/{name}"), &[("idempotency-key", &name)], body.clone()).await
    };
    let mut defined = 0;
    let full = loop {
        let answer = define(defined).await;
        if answer.status.as_u16() != 201 {
            break answer;
        }
        defined += 1;
        assert!(defined < 1_000, "the limit does not hold");
    };
    assert_come_again(&full, "journal_full");
    assert!(defined > 10 && server.directory.head().await.0 == defined, "{defined}");
    let again = define(0).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
}

#[tokio::test]
async fn given_a_rival_who_is_always_faster_when_changed_then_503_and_later_it_is_done() {
    let mut directory = Directory::open().await;
    let moes = directory.accepted(register(business("Moe's"))).await;
    let (rival, calls, rivals) = (directory.service.clone(), AtomicU64::new(0), Arc::new(AtomicBool::new(true)));
    let (contended, business) = (rivals.clone(), moes.clone());
    let before = Box::new(move |append: Option<&Append>| {
        if append.is_none() || !contended.load(Ordering::SeqCst) {
            return Box::pin(async {}) as _;
        }
        let number = calls.fetch_add(1, Ordering::SeqCst);
        let (rival, change) = (rival.clone(), phone(&business, &number.to_string()));
        Box::pin(async move {
            rival.execute(context(), change).await.unwrap();
        }) as _
    });
    let journal = Wrapped { journal: directory.journal.clone(), before, loses_answers: false };
    directory.service = service(Arc::new(journal), CommandOptions::default());
    let server = Server::of(directory);
    let path = format!("/v1/businesses/{}", moes.id);
    let change = || server.send("PATCH", &path, &[("idempotency-key", "k")], json!({"email": "moe@moes.example"}));
    assert_come_again(&change().await, "too_much_contention");
    rivals.store(false, Ordering::SeqCst);
    assert_eq!(change().await.status.as_u16(), 200);
}

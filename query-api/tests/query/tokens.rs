//! Consistency tokens on reads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use events::{BusinessId, CategoryId, JournalId, Position};
use http_api::ConsistencyToken;
use query_api::QueryOptions;
use uuid::Uuid;

use crate::views_in_memory::{Memory, journal};
use crate::world::{Answer, api, get, id, options, send};

const PAGE: &str = "/v1/businesses/b-1";

fn token(position: u64) -> String {
    ConsistencyToken { journal: journal(), position: Position(position) }.to_string()
}

async fn with_token(api: &Router, path: &str, token: &str) -> Answer {
    send(api, "GET", path, &[("lawless-consistency", token)]).await
}

fn short_wait() -> QueryOptions {
    QueryOptions { token_wait_max: Duration::from_millis(5), ..options() }
}

fn long_wait() -> QueryOptions {
    QueryOptions { token_wait_max: Duration::from_secs(60), ..options() }
}

/// Returns once so many requests wait.
async fn until_waiting(memory: &Arc<Memory>, count: usize) {
    loop {
        let began = memory.began_to_wait.notified();
        if memory.waiting.load(Ordering::SeqCst) >= count {
            return;
        }
        began.await;
    }
}

#[tokio::test]
async fn what_is_published_is_answered_at_once_for_this_client_only() {
    let memory = Memory::world();
    let answer = with_token(&api(memory.clone(), options()), PAGE, &token(1000)).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.is_stale());
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(memory.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_read_waits_for_its_token() {
    let memory = Memory::world();
    memory.remove_business(1);
    let api = api(memory.clone(), long_wait());
    let waiting = tokio::spawn(async move { with_token(&api, PAGE, &token(1001)).await });
    until_waiting(&memory, 1).await;
    // It is not answered before: the business that the token promises comes only now.
    memory.put_business(1);
    memory.publish(1001);
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(!answer.is_stale());
}

#[tokio::test]
async fn rows_that_stay_as_they_are_are_not_waited_for() {
    let memory = Memory::world();
    memory.status.send_modify(|status| status.frozen = true);
    let api = api(memory.clone(), long_wait());
    for (position, stale) in [(1000, false), (1001, true)] {
        let answer = with_token(&api, PAGE, &token(position)).await;
        assert_eq!((answer.status.as_u16(), answer.is_stale()), (200, stale), "{position}");
    }
    assert_eq!(memory.waiting.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_deadline_gives_an_answer_that_says_it_may_be_stale() {
    let api = api(Memory::world(), short_wait());
    for position in [1001, u64::MAX] {
        for path in [PAGE, "/v1/businesses", "/v1/categories/pizza", "/v1/businesses?ids=b-1"] {
            let answer = with_token(&api, path, &token(position)).await;
            assert_eq!((answer.status.as_u16(), answer.is_stale()), (200, true), "{path}");
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
        // Perhaps it is there by now: the refusal says so too.
        let missing = with_token(&api, "/v1/businesses/b-2", &token(position)).await;
        missing.problem(404, "not_found");
        assert!(missing.is_stale());
    }
    assert!(!get(&api, PAGE).await.is_stale());
}

#[tokio::test]
async fn no_more_than_a_bound_wait() {
    let memory = Memory::world();
    let api = api(memory.clone(), QueryOptions { token_waiters_max: 2, ..long_wait() });
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { with_token(&api, PAGE, &token(1001)).await })
        })
        .collect();
    until_waiting(&memory, 2).await;
    let refused = with_token(&api, PAGE, &token(1001)).await;
    assert!(refused.problem(503, "too_many_waiters").retryable);
    assert_eq!(refused.header("retry-after"), "1");
    // Who need not wait is not refused.
    assert_eq!(with_token(&api, PAGE, &token(1000)).await.status, 200);
    memory.publish(1001);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().status, 200);
    }
    assert_eq!(with_token(&api, PAGE, &token(1001)).await.status, 200);
}

#[tokio::test]
async fn no_token_is_promised_where_any_copy_of_a_row_is_read() {
    let memory = Memory::world();
    *memory.reads_any_copy.lock().unwrap() = true;
    let api = api(memory, long_wait());
    with_token(&api, PAGE, &token(1000)).await.problem(400, "tokens_not_kept");
    assert_eq!(send(&api, "GET", PAGE, &[]).await.status, 200);
}

#[tokio::test]
async fn tokens_of_another_journal_and_garbled_ones_are_refused() {
    let memory = Memory::world();
    let api = api(memory.clone(), long_wait());
    let foreign = ConsistencyToken { journal: JournalId(Uuid::from_u128(5)), position: Position(1) }.to_string();
    for path in [PAGE, "/v1/businesses", "/v1/locations", "/v1/categories/pizza/businesses"] {
        with_token(&api, path, &foreign).await.problem(409, "foreign_token");
        for garbled in ["", "v1", "v2;x;1", &token(1)[1..], &format!("{}, {}", token(1), token(2)), "\u{e9}"] {
            with_token(&api, path, garbled).await.problem(400, "invalid_token");
        }
        let (one, two) = (token(1), token(2));
        let twice = [("lawless-consistency", one.as_str()), ("lawless-consistency", two.as_str())];
        send(&api, "GET", path, &twice).await.problem(400, "invalid_token");
    }
    assert_eq!(memory.take_log(), [""; 0]);
}

#[tokio::test]
async fn a_parked_stream_is_told_to_those_it_concerns() {
    let memory = Memory::world();
    memory.put_business(2);
    memory.park([BusinessId(id(1)).into()]);
    let api = api(memory.clone(), options());
    let stale = async |path: &str| with_token(&api, path, &token(1)).await.is_stale();
    // The business itself, by slug and by id, as page and as card.
    assert!(stale(PAGE).await);
    assert!(stale(&format!("/v1/businesses/{}?view=card", id(1))).await);
    assert!(!stale("/v1/businesses/b-2").await);
    assert!(!stale(&format!("/v1/businesses/{}", id(2))).await);
    // Whatever may show it.
    for path in ["/v1/businesses", "/v1/categories", "/v1/categories/pizza", "/v1/locations/us/businesses"] {
        assert!(stale(path).await, "{path}");
        assert!(!get(&api, path).await.is_stale(), "{path}: nothing was promised");
    }
    // A slug that leads nowhere may be its own.
    assert!(stale("/v1/businesses/b-9").await);
    assert!(!stale(&format!("/v1/businesses/{}", id(9))).await);

    memory.park([CategoryId(Uuid::from_u128(1)).into()]);
    assert!(!stale(PAGE).await);
    assert!(stale("/v1/categories").await);
}

//! Conditional reads, HEAD, cache headers, CORS, request ids.

use crate::views_in_memory::Memory;
use crate::world::{EVERYTHING, api, business, get, options, send};

const PATHS: [&str; 11] = [
    "/v1/businesses/b-1",
    "/v1/businesses/b-1?view=card",
    "/v1/businesses/b-1/hours?from=2026-11-23",
    "/v1/businesses?ids=b-1",
    "/v1/businesses",
    "/v1/categories",
    "/v1/categories/pizza",
    "/v1/categories/pizza/businesses",
    "/v1/locations",
    "/v1/locations/us-il",
    "/v1/locations/us-il/businesses?category=pizza",
];

fn world() -> axum::Router {
    let memory = Memory::world();
    memory.put_list(EVERYTHING, vec![views::EntryKey::best(9, business(1))]);
    api(memory, options())
}

#[tokio::test]
async fn a_client_that_has_it_gets_304_with_the_headers_that_matter() {
    let api = world();
    for path in PATHS {
        let full = get(&api, path).await;
        let etag = full.header("etag").to_owned();
        assert!(etag.len() == 34 && etag.starts_with('"') && etag.ends_with('"'), "{path}: {etag}");
        for condition in [etag.clone(), format!("W/{etag}"), "*".into(), format!("\"x\", {etag}")] {
            let answer = send(&api, "GET", path, &[("if-none-match", &condition)]).await;
            assert_eq!(answer.status, 304, "{path} {condition}");
            assert!(answer.body.is_empty());
            for name in ["etag", "vary", "cache-control", "last-modified", "link", "access-control-allow-origin"] {
                assert_eq!(answer.headers.get(name), full.headers.get(name), "{path} {name}");
            }
            assert_eq!(answer.header("content-length"), full.body.len().to_string());
        }
        for condition in ["\"x\"", "x", "", &etag[1..]] {
            let answer = send(&api, "GET", path, &[("if-none-match", condition)]).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (200, &full.body), "{path} {condition}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = world();
    for path in PATHS.into_iter().chain(["/v1/businesses/nothing", "/v1/businesses?x=1", "/v1/nothing"]) {
        let request_id = [("x-request-id", "same")];
        let full = send(&api, "GET", path, &request_id).await;
        let head = send(&api, "HEAD", path, &request_id).await;
        assert!(head.body.is_empty());
        assert_eq!(head.status, full.status);
        assert_eq!(head.header("content-length"), full.body.len().to_string(), "{path}");
        assert_eq!(head.headers, full.headers, "{path}");
    }
}

#[tokio::test]
async fn answers_say_how_long_they_hold_and_what_they_depend_on() {
    let api = world();
    for path in PATHS {
        let answer = get(&api, path).await;
        let kept = answer.header("cache-control");
        for part in ["public", "max-age=", "stale-while-revalidate=", "stale-if-error="] {
            assert!(kept.contains(part), "{path}: {kept}");
        }
        assert_eq!(answer.header("vary"), "Accept-Encoding, Lawless-Consistency");
    }
    let page = get(&api, "/v1/businesses/b-1").await;
    assert_eq!(page.header("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    let refused = get(&api, "/v1/businesses/nothing").await;
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(refused.header("vary"), "Accept-Encoding, Lawless-Consistency");
}

#[tokio::test]
async fn scripts_of_any_page_may_read_and_see_the_headers() {
    let api = world();
    for path in PATHS.into_iter().chain(["/v1/businesses/nothing", "/v1/nothing"]) {
        let answer = send(&api, "GET", path, &[("origin", "https://example.org")]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        let exposed = answer.header("access-control-expose-headers");
        for name in ["ETag", "Link", "Lawless-Consistency", "Lawless-Stale", "X-Request-Id"] {
            assert!(exposed.split(", ").any(|exposed| exposed == name), "{path} {name}");
        }
    }
    for path in PATHS {
        let preflight = [("origin", "https://example.org"), ("access-control-request-method", "GET")];
        let answer = send(&api, "OPTIONS", path, &preflight).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD");
        assert!(answer.header("access-control-allow-headers").contains("Lawless-Consistency"));
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let api = world();
    let answer = send(&api, "GET", "/v1/businesses/b-1", &[("x-request-id", "abc-1")]).await;
    assert_eq!(answer.header("x-request-id"), "abc-1");
    assert_eq!(get(&api, "/v1/categories").await.header("x-request-id").len(), 36);
}

//! What the server itself answers: the front page, the API's description, the errors.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use super::docs::docs;
use super::errors_page::{error_examples, errors_page};
use super::openapi::openapi_json;

/// What `/` leads to: relation, address, description.
const LINKS: [(&str, &str, &str); 6] = [
    ("categories", "/v1/categories", "all categories, with counts"),
    ("locations", "/v1/locations", "all countries, with counts"),
    ("list", "/v1/categories/restaurant/businesses?sort=best", "the best restaurants"),
    ("docs", "/docs/", "the API, to read and to try"),
    ("errors", "/docs/errors", "every error and what to do about it"),
    ("openapi", "/openapi.json", "the API, for programs (OpenAPI 3.1)"),
];

/// Routes that belong to no API.
pub(super) fn pages() -> Router {
    Router::new()
        .route("/", get(front_page))
        .route("/openapi.json", get(openapi))
        .route("/docs/errors", get(errors_page))
        .route("/docs/errors.http", get(error_examples))
        .merge(docs())
}

async fn front_page(headers: HeaderMap) -> Response {
    let wants_html = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    let mut response = if wants_html { front_page_html().into_response() } else { front_page_json() };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn front_page_json() -> Response {
    let links: serde_json::Map<_, _> =
        LINKS.iter().map(|(rel, href, about)| ((*rel).to_owned(), json!({"href": href, "title": about}))).collect();
    let body = json!({"name": "The Lawless Directory", "version": env!("CARGO_PKG_VERSION"), "links": links});
    axum::Json(body).into_response()
}

fn front_page_html() -> Html<String> {
    let items: String = LINKS
        .iter()
        .map(|(_, href, about)| format!("<li><a href=\"{href}\"><code>{href}</code></a> {about}</li>\n"))
        .collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>The Lawless Directory</title>\
         <style>body{{font:16px/1.7 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}</style>\
         <h1>The Lawless Directory</h1><p>A public business directory, version {}.</p><ul>\n{items}</ul></html>\n",
        env!("CARGO_PKG_VERSION")
    ))
}

async fn openapi() -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60")),
        ],
        openapi_json(),
    )
        .into_response()
}

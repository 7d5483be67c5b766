//! Turns what was read into a response: validators, cache headers, links, CORS.

use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use events::Timestamp;
use http_api::{Problem, STALE_HEADER};
use jiff::SignedDuration;
use xxhash_rust::xxh3::xxh3_128;

use crate::freshness::{Freshness, none_match_fails};

/// What was read.
pub(crate) enum Reply {
    /// A document.
    Document(Document),
    /// The business is found elsewhere now (308).
    Moved(HeaderValue),
}

/// A document and what caches should know about it.
pub(crate) struct Document {
    /// JSON.
    pub(crate) body: Vec<u8>,
    /// How long it may be kept.
    pub(crate) kind: Kind,
    /// When anything in it last changed; absent where no row tells, as in lists that something may have left.
    pub(crate) updated_at: Option<Timestamp>,
    /// Other pages of the same list.
    pub(crate) links: Option<HeaderValue>,
    /// It may lack something even without any promise.
    pub(crate) torn: bool,
    /// After this time it says something else, without any event.
    pub(crate) lifetime: Option<SignedDuration>,
}

/// What decides how long a document may be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// One business, or some by their ids.
    Business,
    /// A ranked list.
    List,
    /// Categories or locations.
    Tree,
}

impl Kind {
    // Browsers and shared caches serve at most this old an answer without asking; a stale one while they ask again, or
    // for a day while the service is down.
    fn cache_control(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Business => "public, max-age=5, stale-while-revalidate=30, stale-if-error=86400",
            Self::List => "public, max-age=10, stale-while-revalidate=60, stale-if-error=86400",
            Self::Tree => "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400",
        })
    }

    /// Never fresh, nor served while asking again, longer than it holds.
    fn cache_control_within(self, lifetime: Option<SignedDuration>) -> HeaderValue {
        let (fresh, stale) = match self {
            Self::Business => (5, 30),
            Self::List => (10, 60),
            Self::Tree => (60, 600),
        };
        let Some(holds) = lifetime.map(|lifetime| lifetime.as_secs().max(0)).filter(|holds| *holds < fresh + stale)
        else {
            return self.cache_control();
        };
        let fresh = fresh.min(holds);
        let kept = format!("public, max-age={fresh}, stale-while-revalidate={}, stale-if-error=86400", holds - fresh);
        HeaderValue::try_from(kept).expect("digits and words can stand in a header")
    }
}

/// The answer to a client that showed a token belongs to no cache.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// An answer depends on both; the first is there so that adding compressed bodies breaks no cache.
const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Lawless-Consistency");

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Last-Modified, Link, Location, Age, Lawless-Consistency, Lawless-Stale, X-Request-Id",
);

/// The response to a read that succeeded.
pub(crate) fn respond(reply: Reply, request: &HeaderMap, freshness: &Freshness) -> Response {
    let document = match reply {
        Reply::Document(document) => document,
        Reply::Moved(location) => {
            let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location);
            let kept = if freshness.token || freshness.stale { PRIVATE } else { Kind::Business.cache_control() };
            headers.insert(header::CACHE_CONTROL, kept);
            add_common(headers, freshness.stale);
            add_age(headers, freshness);
            return response;
        }
    };
    let etag = etag(&document.body);
    let not_modified = none_match_fails(request, &etag);
    let stale = freshness.stale || document.torn;

    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(header::ETAG, etag);
    let kept = if freshness.token || stale { PRIVATE } else { document.kind.cache_control_within(document.lifetime) };
    headers.insert(header::CACHE_CONTROL, kept);
    if let Some(date) = document.updated_at.and_then(http_date) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if let Some(links) = document.links {
        headers.insert(header::LINK, links);
    }
    add_common(&mut headers, stale);
    add_age(&mut headers, freshness);

    let mut response = if not_modified {
        // RFC 9110, section 8.6: if a 304 has a length, it is that of the document.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(document.body.len()));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Response::new(Body::from(document.body))
    };
    *response.headers_mut() = headers;
    response
}

/// The response to a read that was refused or failed.
pub(crate) fn refuse(problem: Problem, freshness: &Freshness) -> Response {
    let retry_soon = problem.status == StatusCode::SERVICE_UNAVAILABLE.as_u16();
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    if retry_soon {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    add_common(headers, freshness.stale);
    add_age(headers, freshness);
    response
}

/// The answer to a browser that asks whether a script may send what is more than a plain GET.
pub(crate) fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    add_common(headers, false);
    let allowed: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match, Lawless-Consistency, X-Request-Id"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in allowed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn add_common(headers: &mut HeaderMap, stale: bool) {
    headers.insert(header::VARY, VARY);
    // Reads are anonymous: any page may show them.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if stale {
        headers.insert(STALE_HEADER, HeaderValue::from_static("?1"));
    }
}

/// RFC 9111, section 5.1: how long ago the answer was known to be right.
fn add_age(headers: &mut HeaderMap, freshness: &Freshness) {
    if let Some(age) = freshness.age {
        headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    }
}

/// A strong tag: a hash of the bytes, the same for every caller and on every replica.
fn etag(body: &[u8]) -> HeaderValue {
    let mut tag = [b'"'; 34];
    for (digits, byte) in tag[1..33].chunks_exact_mut(2).zip(xxh3_128(body).to_be_bytes()) {
        digits[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        digits[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    HeaderValue::from_bytes(&tag).expect("quoted hexadecimal digits can stand in a header")
}

/// As `Last-Modified` says it: whole seconds. Clients compare by `ETag`, which notices what happens within one.
fn http_date(at: Timestamp) -> Option<HeaderValue> {
    /// The last second that the format can say: the end of the year 9999.
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = u64::try_from(at.0 / 1_000_000).ok().filter(|seconds| *seconds <= LAST_SECOND)?;
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Timestamp(784_111_777_999_999)).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(Timestamp(i64::MAX)), None);
        assert_eq!(http_date(Timestamp(-1_000_000)), None);
    }

    #[test]
    fn a_tag_is_the_hash_in_quotes() {
        let expected = format!("\"{:032x}\"", xxh3_128(b"body"));
        assert_eq!(etag(b"body"), expected.as_str());
    }
}

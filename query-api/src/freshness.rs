//! Consistency tokens on reads: wait for the views, and say so when they did not come.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use events::{StreamId, StreamKind};
use http_api::{CONSISTENCY_HEADER, ConsistencyToken};
use tracing::Instrument;
use uuid::Uuid;
use views::{AsOf, ViewReader};

use crate::api::Api;
use crate::problems::ReadError;

/// What is known about how old an answer may be.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// The request carried a token: its answer is for this client only.
    pub(crate) token: bool,
    /// The answer may be older than promised.
    pub(crate) stale: bool,
    /// How old the answer may be, if it is older than promised and that is known.
    pub(crate) age: Option<Duration>,
    /// Streams that are set aside; only for requests with a token.
    parked: Option<Arc<BTreeSet<StreamId>>>,
}

impl Freshness {
    /// Notes that the answer depends on any stream.
    pub(crate) fn touch_all(&mut self) {
        self.stale |= self.parked.is_some();
    }

    /// Notes that the answer depends on the stream of a business. Its id is asked for only if it matters.
    pub(crate) fn touch_business(&mut self, id: impl FnOnce() -> Option<Uuid>) {
        let Some(parked) = &self.parked else { return };
        self.stale |= match id() {
            Some(id) => parked.contains(&StreamId { kind: StreamKind::Business, id }),
            // It might be any of those that are set aside.
            None => parked.iter().any(|stream| stream.kind == StreamKind::Business),
        };
    }
}

impl Api {
    /// Waits until views show what the request's token promises, if it carries one.
    ///
    /// Gives the views to read, too: what was waited for may have been a switch to others.
    pub(crate) async fn catch_up(&self, headers: &HeaderMap) -> Result<(Arc<dyn ViewReader>, Freshness), ReadError> {
        let views = self.views.current();
        let mut tokens = headers.get_all(CONSISTENCY_HEADER).iter();
        let Some(value) = tokens.next() else {
            let freshness = self.freshness_of(&*views);
            return Ok((views, freshness));
        };
        if tokens.next().is_some() {
            return Err(ReadError::Token);
        }
        if !views.keeps_tokens() {
            return Err(ReadError::TokensNotKept);
        }
        let token: ConsistencyToken = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(ReadError::Token)?;
        let status = views.status();
        if status.journal_id != token.journal {
            return Err(ReadError::ForeignToken);
        }
        let mut freshness = Freshness { token: true, ..Freshness::default() };
        // Rows that stay as they are need not be waited for.
        if status.published < token.position && !status.frozen {
            let _permit = self.waiters.try_acquire().map_err(|_| ReadError::TooManyWaiters)?;
            let span = tracing::debug_span!("wait", position = token.position.0);
            let published = self.views.wait_published(token.position).instrument(span);
            // Whether it came in time is seen below.
            if let Ok(result) = tokio::time::timeout(self.options.token_wait_max, published).await {
                result?;
            }
        }
        // After the wait: what is parked by then is what the answer lacks.
        let views = self.views.current();
        let status = views.status();
        freshness.stale = status.published < token.position;
        freshness.age = self.freshness_of(&*views).age.filter(|_| freshness.stale);
        freshness.parked = (!status.parked.is_empty()).then_some(status.parked);
        Ok((views, freshness))
    }
}

impl Api {
    /// Whether rows follow a feed from which nothing has been heard for too long.
    fn freshness_of(&self, views: &dyn ViewReader) -> Freshness {
        let as_of = match views.as_of() {
            AsOf::Journal => return Freshness::default(),
            AsOf::Unknown => return Freshness { stale: true, ..Freshness::default() },
            AsOf::Time(as_of) => as_of,
        };
        let now = (self.options.clock)().as_microsecond();
        // A clock that is behind the journal's sees no age at all.
        let age = Duration::from_micros(u64::try_from(now.saturating_sub(as_of.0)).unwrap_or(0));
        let stale = age > self.options.age_max;
        Freshness { stale, age: stale.then_some(age), ..Freshness::default() }
    }
}

/// Tags of `If-None-Match` (RFC 9110, section 13.1.2) against a strong tag, compared weakly.
pub(crate) fn none_match_fails(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let mut rest = value.as_bytes().trim_ascii();
        if rest == b"*" {
            return true;
        }
        loop {
            rest = rest.trim_ascii_start();
            rest = rest.strip_prefix(b"W/").unwrap_or(rest);
            // Anything else than a list of tags is no tag of ours.
            if rest.first() != Some(&b'"') {
                return false;
            }
            let Some(end) = rest[1..].iter().position(|b| *b == b'"').map(|at| at + 2) else { return false };
            if &rest[..end] == etag.as_bytes() {
                return true;
            }
            rest = rest[end..].trim_ascii_start();
            let Some(after_comma) = rest.strip_prefix(b",") else { return false };
            rest = after_comma;
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        let etag = HeaderValue::from_static("\"abc\"");
        let matches = |value: &'static str| {
            let headers = [(header::IF_NONE_MATCH, HeaderValue::from_static(value))].into_iter().collect();
            none_match_fails(&headers, &etag)
        };
        for fits in ["\"abc\"", "W/\"abc\"", "*", " * ", "\"x\", W/\"abc\"", "\"a,b\",\"abc\" , \"c\""] {
            assert!(matches(fits), "{fits}");
        }
        for other in ["", "abc", "\"abc", "\"ab\"", "\"x\" \"abc\"", "w/\"abc\"", "\"x\",", "**", "\"x,\"abc\""] {
            assert!(!matches(other), "{other}");
        }
    }
}

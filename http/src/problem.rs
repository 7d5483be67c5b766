//! Problem details (RFC 9457): every error of both APIs has this shape.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of problem details.
pub fn problem_content_type() -> HeaderValue {
    HeaderValue::from_static("application/problem+json")
}

/// An error, for programs (`code`, `retryable`, `errors`) and for people (`title`, `detail`).
///
/// `request_id` is filled in by [`crate::assign_request_id`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Leads to the description of the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#validation_failed")]
    pub kind: String,
    /// What kind of error it is; the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What kind of error it is, for programs.
    #[schema(example = "validation_failed")]
    pub code: String,
    /// What went wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as in `X-Request-Id`.
    #[serde(default)]
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Every invalid field at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One invalid field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter, or the name of a header.
    #[schema(example = "/address/country")]
    pub pointer: String,
    /// What is wrong, for programs.
    #[schema(example = "invalid")]
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl Problem {
    /// A problem with this status, code and title.
    pub fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self {
            kind: format!("/docs/errors#{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: None,
            request_id: String::new(),
            retryable: matches!(status.as_u16(), 408 | 429 | 502..=504),
            errors: Vec::new(),
        }
    }

    /// Says what went wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says whether the same request may succeed later.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// Names the invalid fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem holds only strings, numbers and lists");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, problem_content_type());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The middleware that knows the request id writes the body again.
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

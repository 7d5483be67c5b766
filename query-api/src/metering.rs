//! Counts and times requests, by names that dashboards know.
//!
//! Handles are made once: looking one up by its labels costs more than the rest of a request's metrics.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

/// The endpoints, by what they are counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Business,
    BusinessHours,
    Businesses,
    Categories,
    Category,
    CategoryBusinesses,
    Locations,
    Location,
    LocationBusinesses,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 9] = [
        Self::Business,
        Self::BusinessHours,
        Self::Businesses,
        Self::Categories,
        Self::Category,
        Self::CategoryBusinesses,
        Self::Locations,
        Self::Location,
        Self::LocationBusinesses,
    ];

    /// The path, as the router and OpenAPI have it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Business => "/v1/businesses/{id}",
            Self::BusinessHours => "/v1/businesses/{id}/hours",
            Self::Businesses => "/v1/businesses",
            Self::Categories => "/v1/categories",
            Self::Category => "/v1/categories/{slug}",
            Self::CategoryBusinesses => "/v1/categories/{slug}/businesses",
            Self::Locations => "/v1/locations",
            Self::Location => "/v1/locations/{slug}",
            Self::LocationBusinesses => "/v1/locations/{slug}/businesses",
        }
    }
}

const METHODS: [&str; 2] = ["GET", "HEAD"];
const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

struct Meter {
    requests: Counter,
    seconds: Histogram,
}

/// The meters of all endpoints.
pub(crate) struct Meters {
    answers: Vec<Meter>,
    /// 3xx are also redirects.
    not_modified: [Counter; Endpoint::ALL.len()],
}

impl Meters {
    /// Registers them with the recorder that is installed by now.
    pub(crate) fn new() -> Self {
        let mut answers = Vec::with_capacity(Endpoint::ALL.len() * METHODS.len() * STATUS_CLASSES.len());
        for endpoint in Endpoint::ALL {
            for method in METHODS {
                for class in STATUS_CLASSES {
                    let labels = [
                        ("http_route", endpoint.path()),
                        ("http_request_method", method),
                        ("http_response_status_class", class),
                    ];
                    answers.push(Meter {
                        requests: counter!("http_server_requests_total", &labels),
                        seconds: histogram!("http_server_request_duration_seconds", &labels),
                    });
                }
            }
        }
        let not_modified =
            |endpoint: Endpoint| counter!("lawless_reads_not_modified_total", "http_route" => endpoint.path());
        Self { answers, not_modified: Endpoint::ALL.map(not_modified) }
    }

    /// Notes an answer.
    pub(crate) fn record(&self, endpoint: Endpoint, method: &Method, status: StatusCode, took: Duration) {
        let method = usize::from(*method == Method::HEAD);
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        let meter = &self.answers[(endpoint as usize * METHODS.len() + method) * STATUS_CLASSES.len() + class];
        meter.requests.increment(1);
        meter.seconds.record(took.as_secs_f64());
        if status == StatusCode::NOT_MODIFIED {
            self.not_modified[endpoint as usize].increment(1);
        }
    }
}

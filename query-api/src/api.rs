//! The router, and what every read does around its own work.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use tokio::sync::Semaphore;
use tracing::field::Empty;
use views::{ViewError, ViewReader, ViewSource};

use crate::cursor::Cursors;
use crate::freshness::Freshness;
use crate::metering::{Endpoint, Meters};
use crate::opening::Opening;
use crate::options::QueryOptions;
use crate::problems::{ReadError, no_such_method, no_such_path};
use crate::respond::{Reply, preflight, refuse, respond};
use crate::{business_hours, businesses, listings, trees};

/// What all endpoints share.
pub(crate) struct Api {
    pub(crate) views: Arc<dyn ViewSource>,
    pub(crate) options: QueryOptions,
    pub(crate) cursors: Cursors,
    pub(crate) waiters: Semaphore,
    pub(crate) opening: Opening,
    meters: Meters,
}

impl Api {
    /// The time, for what is open now.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        (self.options.clock)()
    }
}

/// The endpoints of the query API.
///
/// Who serves it layers [`http_api::assign_request_id`] over everything once, and sets [`not_found`] and
/// [`method_not_allowed`] as fallbacks after merging. A metrics recorder must be installed before.
pub fn router(views: impl ViewSource, options: QueryOptions) -> Router {
    let api = Arc::new(Api {
        cursors: Cursors::new(&options.cursor_key, views.current().status().journal_id),
        waiters: Semaphore::new(options.token_waiters_max.min(Semaphore::MAX_PERMITS)),
        opening: Opening::new(options.hours_remembered_max),
        meters: Meters::new(),
        views: Arc::new(views),
        options,
    });
    let preflight = || async { preflight() };
    Router::new()
        .route(Endpoint::Business.path(), get(businesses::business).options(preflight))
        .route(Endpoint::BusinessHours.path(), get(business_hours::business_hours).options(preflight))
        .route(Endpoint::Businesses.path(), get(businesses::businesses).options(preflight))
        .route(Endpoint::Categories.path(), get(trees::categories).options(preflight))
        .route(Endpoint::Category.path(), get(trees::category).options(preflight))
        .route(Endpoint::CategoryBusinesses.path(), get(listings::category_businesses).options(preflight))
        .route(Endpoint::Locations.path(), get(trees::locations).options(preflight))
        .route(Endpoint::Location.path(), get(trees::location).options(preflight))
        .route(Endpoint::LocationBusinesses.path(), get(listings::location_businesses).options(preflight))
        .with_state(api)
}

/// The same endpoints while there are no views: each says so (503).
pub fn unavailable_router() -> Router {
    let reads = || {
        let unavailable = || async {
            let error = ViewError::Unavailable { operation: "read", reason: "there are no views yet".to_owned() };
            refuse(ReadError::Views(error).into_problem(), &Freshness::default())
        };
        get(unavailable).options(|| async { preflight() })
    };
    Endpoint::ALL.iter().fold(Router::new(), |router, endpoint| router.route(endpoint.path(), reads()))
}

/// Fallback for paths that no router knows.
pub async fn not_found() -> Response {
    refuse(no_such_path(), &Freshness::default())
}

/// Fallback for methods that a path does not take; the router adds `Allow`.
pub async fn method_not_allowed() -> Response {
    refuse(no_such_method(), &Freshness::default())
}

/// The one parameter of a path, percent-decoded.
pub(crate) type PathText = Result<Path<String>, PathRejection>;

/// The text, or why there is none.
pub(crate) fn path_text(path: PathText) -> Result<String, ReadError> {
    path.map(|Path(text)| text).map_err(|_| ReadError::Path)
}

/// A request under way.
pub(crate) struct Reading<'r> {
    pub(crate) api: &'r Api,
    endpoint: Endpoint,
    started: Instant,
    request: Parts,
    /// The same throughout: rows of two generations do not belong together.
    views: Arc<dyn ViewReader>,
    /// What is known so far about the answer's age.
    pub(crate) freshness: Freshness,
}

impl<'r> Reading<'r> {
    pub(crate) fn begin(api: &'r Api, endpoint: Endpoint, request: Request) -> Self {
        let (request, _body) = request.into_parts();
        let views = api.views.current();
        Self { api, endpoint, started: Instant::now(), request, views, freshness: Freshness::default() }
    }

    /// Waits for views as the request's token asks. To be called once the request is known to be sound.
    pub(crate) async fn catch_up(&mut self) -> Result<(), ReadError> {
        (self.views, self.freshness) = self.api.catch_up(&self.request.headers).await?;
        Ok(())
    }

    /// The views.
    pub(crate) fn views(&self) -> &dyn ViewReader {
        &*self.views
    }

    /// The path as it was sent.
    pub(crate) fn path(&self) -> &str {
        self.request.uri.path()
    }

    /// The query as it was sent.
    pub(crate) fn query(&self) -> Option<&str> {
        self.request.uri.query()
    }

    /// Responds and counts.
    pub(crate) fn finish(self, result: Result<Reply, ReadError>) -> Response {
        let route = self.endpoint.path();
        let span = tracing::debug_span!("response", http.route = route, http.response.status_code = Empty);
        let response = span.in_scope(|| match result {
            Ok(reply) => respond(reply, &self.request.headers, &self.freshness),
            Err(error) => refuse(error.into_problem(), &self.freshness),
        });
        span.record("http.response.status_code", response.status().as_u16());
        self.api.meters.record(self.endpoint, &self.request.method, response.status(), self.started.elapsed());
        response
    }
}

//! Serves before there are views: what needs none is answered, and reads say that there are none.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use tower::ServiceExt;

use crate::served_views::{AwaitedViews, ServedViews};

/// One router until views are there, another one from then on.
pub(super) fn once_found(
    awaited: AwaitedViews,
    before: Router,
    after: impl Fn(ServedViews) -> Router + Send + Sync + 'static,
) -> Router {
    let (found, after) = (Arc::new(OnceLock::new()), Arc::new(after));
    Router::new().fallback(move |request: Request| {
        let router: &Router = match found.get() {
            Some(router) => router,
            // Whoever knows that they are there meets them.
            None => awaited.get().map_or(&before, |views| found.get_or_init(|| after(views))),
        };
        router.clone().oneshot(request)
    })
}

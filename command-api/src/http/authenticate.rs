//! Who may command: the holder of the admin key.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use events::{Actor, ActorKind};

use super::Api;
use super::problems::Refused;

/// The other place of a key.
pub(super) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Middleware: only with the admin key; adds the actor to the request.
pub(super) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let presented = presented_key(request.headers())?;
    let id = api.keys.check(presented).map_err(Refused::key)?;
    request.extensions_mut().insert(Actor { kind: ActorKind::Admin, id });
    Ok(next.run(request).await)
}

fn presented_key(headers: &HeaderMap) -> Result<&str, Refused> {
    let text = |name: &HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().map_err(|_| Refused::unauthorized("the key is not printable text")))
    };
    if let Some(authorization) = text(&header::AUTHORIZATION) {
        let (scheme, key) = authorization?.split_once(' ').unwrap_or_default();
        return if scheme.eq_ignore_ascii_case("bearer") {
            Ok(key.trim())
        } else {
            Err(Refused::unauthorized("Authorization must be a bearer token"))
        };
    }
    text(&X_API_KEY).unwrap_or_else(|| Err(Refused::unauthorized("commands and the past need the admin key")))
}

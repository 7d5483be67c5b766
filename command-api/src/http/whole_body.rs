//! Reads a body as a whole, within bounds.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_api::BodyTimedOut;
use http_body_util::BodyExt;

use super::MAX_BODY_BYTES;
use super::problems::Refused;

/// Of a body that is too large so many bytes more are taken off the wire: a client that is cut off while it sends may
/// never see why.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// Reads a body. Who bounds the time that it may take ends it with [`BodyTimedOut`].
pub(super) async fn read(headers: &HeaderMap, mut body: Body) -> Result<Bytes, Refused> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // A client that asks before it sends is told at once.
    if announced > MAX_BODY_BYTES && headers.contains_key(header::EXPECT) {
        return Err(Refused::body_too_large());
    }
    let mut whole = BytesMut::with_capacity(announced.min(MAX_BODY_BYTES));
    while let Some(data) = piece(&mut body).await? {
        if whole.len() + data.len() > MAX_BODY_BYTES {
            drop(whole);
            discard(&mut body).await?;
            return Err(Refused::body_too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn discard(body: &mut Body) -> Result<(), Refused> {
    let mut discarded = 0;
    while discarded < MAX_DISCARDED_BYTES
        && let Some(data) = piece(body).await?
    {
        discarded += data.len();
    }
    Ok(())
}

async fn piece(body: &mut Body) -> Result<Option<Bytes>, Refused> {
    match body.frame().await {
        None => Ok(None),
        // Trailers say nothing here.
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(error)) if BodyTimedOut::caused(&error) => Err(Refused::body_timed_out()),
        Some(Err(error)) => {
            tracing::debug!(%error, "a body broke off");
            Err(Refused::body_broken_off())
        }
    }
}

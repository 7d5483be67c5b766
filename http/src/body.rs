//! What went wrong with the body of a request, between whoever bounds it and whoever reads it.

use thiserror::Error;

/// The body did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body of the request took too long")]
pub struct BodyTimedOut;

impl BodyTimedOut {
    /// Whether it is what an error comes from.
    pub fn caused(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

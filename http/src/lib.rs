//! The HTTP conventions that both APIs share: problem details, consistency tokens, request ids.
//!
//! This crate must not know any endpoint.

mod body;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod openapi;
mod problem;
mod request_id;
mod token;

pub use body::BodyTimedOut;
pub use openapi::describe_problems;
pub use problem::{FieldError, Problem, problem_content_type};
pub use request_id::{RequestId, X_REQUEST_ID, assign_request_id};
pub use token::{CONSISTENCY_HEADER, ConsistencyToken, STALE_HEADER, TokenError};

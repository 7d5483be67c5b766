//! Commands over HTTP.

mod answer;
mod authenticate;
mod batch;
mod body;
mod businesses;
mod conditions;
mod cursor;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod history;
mod openapi;
mod parameters;
mod problems;
mod sources;
mod trees;
mod whole_body;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

pub use answer::CommandAnswer;
pub use batch::{BATCH_PATH, BatchOptions, BatchResult};
pub use history::{BusinessHistory, HistoryCursor};
pub use openapi::openapi;

use problems::Refused;

use crate::admin_key::AdminKeyFile;
use crate::handler::{Accepted, CommandContext, CommandError, CommandService};
use crate::request::Command;

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// What all endpoints share.
#[derive(Clone)]
struct Api {
    service: CommandService,
    keys: AdminKeyFile,
    batch_options: Arc<BatchOptions>,
    /// One permit for each batch that may run.
    batches: Arc<Semaphore>,
}

/// The endpoints of the command API, behind the admin key.
///
/// Who serves it layers [`http_api::assign_request_id`] over everything once, and sets the fallbacks.
pub fn router(service: CommandService, keys: AdminKeyFile, batches: BatchOptions) -> Router {
    let permits = Arc::new(Semaphore::new(batches.max_batches.min(Semaphore::MAX_PERMITS)));
    let api = Api { service, keys, batch_options: Arc::new(batches), batches: permits };
    Router::new()
        .route("/v1/businesses", post(businesses::register))
        .route("/v1/businesses/{id}", patch(businesses::change_details))
        .route("/v1/businesses/{id}/relocate", post(businesses::relocate))
        .route("/v1/businesses/{id}/recategorize", post(businesses::recategorize))
        .route("/v1/businesses/{id}/close", post(businesses::close))
        .route("/v1/businesses/{id}/remove", post(businesses::remove))
        .route("/v1/businesses/{id}/history", get(history::history))
        .route("/v1/businesses/{id}/state", get(history::state))
        .route("/v1/categories/{slug}", put(trees::define_category))
        .route("/v1/locations/{slug}", put(trees::define_location))
        .route("/v1/sources/{system}/businesses/{external_id}", put(sources::upsert))
        .route(BATCH_PATH, post(batch::batch))
        .route_layer(from_fn_with_state(api.clone(), authenticate::authenticate))
        .with_state(api)
}

impl Api {
    async fn execute(&self, context: CommandContext, command: Command) -> Result<Response, Refused> {
        let name = command.name();
        Ok(answer::respond(name, &self.decide(context, command).await?))
    }

    /// The way that every command takes, alone or in a batch.
    async fn decide(&self, context: CommandContext, command: Command) -> Result<Accepted, CommandError> {
        let name = command.name();
        Box::pin(self.service.execute(context, command)).await.inspect_err(|error| {
            if problems::status_of(error) >= 500 {
                tracing::error!(command = name, error = error as &dyn std::error::Error, "a command failed");
            }
        })
    }
}

/// Reads the conditions of a request, then its body.
async fn read<T: DeserializeOwned>(request: Request) -> Result<(CommandContext, T), Refused> {
    let (parts, body) = request.into_parts();
    let context = conditions::context(&parts)?;
    let bytes = whole_body::read(&parts.headers, body).await?;
    let body = body::parse(parts.headers.get(axum::http::header::CONTENT_TYPE), &bytes)?;
    Ok((context, body))
}

//! Commands about categories and locations.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::answer::CommandAnswer;
use super::problems::Refused;
use super::{Api, read};
use crate::request::{Command, DefineCategory, DefineLocation};

/// Create a category or replace its names
///
/// The parent must exist and is fixed afterwards; at most 6 levels.
#[utoipa::path(put, path = "/v1/categories/{slug}", tag = "categories", operation_id = "define_category",
    params(("slug" = String, Path, description = "The category", example = "pizza")),
    request_body = DefineCategory,
    responses((status = 201, body = CommandAnswer), (status = 200, body = CommandAnswer)))]
pub(super) async fn define_category(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refused> {
    let Path(slug) = path.map_err(|_| Refused::path())?;
    let (context, body) = read::<DefineCategory>(request).await?;
    api.execute(context, Command::DefineCategory(slug, body)).await
}

/// Create a location or replace its names, kind and point
///
/// The parent must exist and is fixed afterwards; at most 6 levels.
#[utoipa::path(put, path = "/v1/locations/{slug}", tag = "locations", operation_id = "define_location",
    params(("slug" = String, Path, description = "The location", example = "us-il-springfield")),
    request_body = DefineLocation,
    responses((status = 201, body = CommandAnswer), (status = 200, body = CommandAnswer)))]
pub(super) async fn define_location(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refused> {
    let Path(slug) = path.map_err(|_| Refused::path())?;
    let (context, body) = read::<DefineLocation>(request).await?;
    api.execute(context, Command::DefineLocation(slug, body)).await
}

//! Commands about businesses.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use events::BusinessId;

use super::answer::CommandAnswer;
use super::problems::Refused;
use super::{Api, read};
use crate::request::{
    ChangeBusinessDetails, CloseBusiness, Command, RecategorizeBusiness, RegisterBusiness, RelocateBusiness,
    RemoveBusiness,
};

pub(super) type PathId = Result<Path<String>, PathRejection>;

fn business_id(path: PathId) -> Result<BusinessId, Refused> {
    let Path(text) = path.map_err(|_| Refused::path())?;
    text.parse().map_err(|_| Refused::no_business_id())
}

/// Register a business
///
/// Without `slug` one is derived from the name; without `location` it is found by the point, else by the address.
#[utoipa::path(post, path = "/v1/businesses", tag = "businesses", operation_id = "register_business",
    request_body = RegisterBusiness, responses(
        (status = 201, description = "Registered", body = CommandAnswer),
        (status = 200, description = "With `dry_run=true`: it would be", body = CommandAnswer),
    ))]
pub(super) async fn register(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (context, body) = read::<RegisterBusiness>(request).await?;
    api.execute(context, Command::RegisterBusiness(Box::new(body))).await
}

/// Change details of a business
///
/// Absent members stay, `null` removes. An old slug goes on to lead to the business.
#[utoipa::path(patch, path = "/v1/businesses/{id}", tag = "businesses", operation_id = "change_business_details",
    params(("id" = uuid::Uuid, Path, description = "The business")),
    request_body = ChangeBusinessDetails, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change_details(
    State(api): State<Api>,
    path: PathId,
    request: Request,
) -> Result<Response, Refused> {
    let id = business_id(path)?;
    let (context, body) = read::<ChangeBusinessDetails>(request).await?;
    api.execute(context, Command::ChangeBusinessDetails(id, Box::new(body))).await
}

/// Give a business another place
///
/// The whole new place: what is absent is unknown from then on.
#[utoipa::path(post, path = "/v1/businesses/{id}/relocate", tag = "businesses", operation_id = "relocate_business",
    params(("id" = uuid::Uuid, Path, description = "The business")),
    request_body = RelocateBusiness, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn relocate(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let id = business_id(path)?;
    let (context, body) = read::<RelocateBusiness>(request).await?;
    api.execute(context, Command::RelocateBusiness(id, Box::new(body))).await
}

/// Give a business other categories
#[utoipa::path(post, path = "/v1/businesses/{id}/recategorize", tag = "businesses",
    operation_id = "recategorize_business", params(("id" = uuid::Uuid, Path, description = "The business")),
    request_body = RecategorizeBusiness, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn recategorize(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let id = business_id(path)?;
    let (context, body) = read::<RecategorizeBusiness>(request).await?;
    api.execute(context, Command::RecategorizeBusiness(id, body)).await
}

/// Close a business for good
///
/// The page stays and says so; the business leaves every list.
#[utoipa::path(post, path = "/v1/businesses/{id}/close", tag = "businesses", operation_id = "close_business",
    params(("id" = uuid::Uuid, Path, description = "The business")),
    request_body = CloseBusiness, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn close(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let id = business_id(path)?;
    let (context, body) = read::<CloseBusiness>(request).await?;
    api.execute(context, Command::CloseBusiness(id, body)).await
}

/// Take a business out of the directory
///
/// The page answers 410 from then on.
#[utoipa::path(post, path = "/v1/businesses/{id}/remove", tag = "businesses", operation_id = "remove_business",
    params(("id" = uuid::Uuid, Path, description = "The business")),
    request_body = RemoveBusiness, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn remove(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let id = business_id(path)?;
    let (context, body) = read::<RemoveBusiness>(request).await?;
    api.execute(context, Command::RemoveBusiness(id, body)).await
}

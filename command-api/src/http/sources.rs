//! What a feed knows about its businesses.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::answer::CommandAnswer;
use super::problems::Refused;
use super::{Api, read};
use crate::request::{Command, GivenSource, InvalidField, RegisterBusiness};

/// Make a business what its source says
///
/// Registers it, or changes what differs, or does nothing. The slug of a known business stays. `source` may be left
/// out of the body; when it is there, it says the same as the path. A closed or removed business stays so.
#[utoipa::path(put, path = "/v1/sources/{system}/businesses/{external_id}", tag = "businesses",
    operation_id = "upsert_business_from_source",
    params(
        ("system" = String, Path, description = "The source system", example = "osm"),
        ("external_id" = String, Path, description = "The id there, percent-encoded", example = "node%2F240109189"),
    ),
    request_body = RegisterBusiness,
    responses((status = 201, body = CommandAnswer), (status = 200, body = CommandAnswer)))]
pub(super) async fn upsert(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Refused> {
    let Path((system, external_id)) = path.map_err(|_| Refused::path())?;
    let (context, mut body) = read::<RegisterBusiness>(request).await?;
    let source = body.source.take().unwrap_or_else(|| GivenSource {
        system: system.clone(),
        external_id: external_id.clone(),
        ..GivenSource::default()
    });
    let differs = |pointer, given: &str, addressed: &str| {
        (given != addressed).then(|| InvalidField::new(pointer, "mismatch", "not what the path says"))
    };
    let invalid: Vec<InvalidField> = [
        differs("/source/system", &source.system, &system),
        differs("/source/external_id", &source.external_id, &external_id),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !invalid.is_empty() {
        return Err(Refused::validation_failed(invalid));
    }
    body.source = Some(source);
    api.execute(context, Command::UpsertBusinessFromSource(Box::new(body))).await
}

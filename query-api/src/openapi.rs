//! The description of the query API.

use utoipa::OpenApi;

use crate::business_hours::{self, BusinessHours};
use crate::documents::{BusinessBatch, BusinessList, NodeList, NodePage};
use crate::{businesses, listings, trees};

#[derive(OpenApi)]
#[openapi(
    paths(
        businesses::business,
        businesses::businesses,
        business_hours::business_hours,
        trees::categories,
        trees::category,
        listings::category_businesses,
        trees::locations,
        trees::location,
        listings::location_businesses,
    ),
    components(schemas(
        views::BusinessPage,
        views::BusinessCard,
        BusinessHours,
        BusinessBatch,
        BusinessList,
        NodeList,
        NodePage,
        http_api::Problem,
    )),
    tags(
        (name = "businesses", description = "Businesses"),
        (name = "categories", description = "Categories, and the businesses in them"),
        (name = "locations", description = "Locations, and the businesses there"),
    )
)]
struct QueryApi;

/// OpenAPI of the query API, to be merged with that of the command API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    QueryApi::openapi()
}

//! What lists and trees look like on the wire. Business documents are described in [`views`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use views::{BusinessCard, Coordinates, NamedNode, Sort};

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// To be given back as `cursor` for what follows; `null` at the end.
    pub next_cursor: Option<String>,
    /// Whether more follows.
    pub has_more: bool,
}

/// What a list is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMeta {
    /// The category that all have, or one below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<NamedNode>,
    /// The location that all lie in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<NamedNode>,
    /// How they are ordered.
    #[schema(value_type = String, example = "best")]
    pub sort: Sort,
    /// How many there are; absent when both category and location are given, and for all businesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub businesses: Option<u64>,
}

/// A page of a ranked list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessList {
    /// The businesses, in order.
    pub data: Vec<BusinessCard>,
    /// Where the list goes on.
    pub page: Page,
    /// What the list is about.
    pub meta: ListMeta,
}

/// Businesses by their ids or slugs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessBatch {
    /// Those that are there, in the order asked.
    pub data: Vec<BusinessCard>,
    /// The ids and slugs that lead nowhere, removed businesses among them.
    pub missing: Vec<String>,
}

/// What `GET /v1/businesses` answers: with `ids` the businesses asked for, else a page of all.
#[derive(ToSchema)]
#[schema(title = "Businesses")]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the two answers, which are written from rows")]
pub(crate) enum Businesses {
    List(BusinessList),
    Batch(BusinessBatch),
}

/// What `GET /v1/businesses/{id}` answers: the page, or the card with `view=card`.
#[derive(ToSchema)]
#[schema(title = "Business")]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the two answers, which are written from rows")]
pub(crate) enum Business {
    Page(Box<views::BusinessPage>),
    Card(Box<BusinessCard>),
}

/// A category or location in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSummary {
    /// Its slug.
    #[schema(example = "us-il-springfield")]
    pub slug: String,
    /// Its name in the wanted locale.
    #[schema(example = "Springfield")]
    pub name: String,
    /// What a location is: `country`, `region`, `county`, `city` or `district`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "city")]
    pub kind: Option<String>,
    /// Centre of a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Coordinates>,
    /// Open businesses here or anywhere below, each once.
    pub businesses: u64,
    /// How many categories or locations are directly below.
    pub children: u64,
}

/// Categories or locations that have the same parent, ordered by slug.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeList {
    /// The categories or locations.
    pub data: Vec<NodeSummary>,
    /// Where the list goes on.
    pub page: Page,
}

/// A category or location, with what is above and below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePage {
    /// Its slug.
    #[schema(example = "us-il-springfield")]
    pub slug: String,
    /// Its name in the wanted locale.
    #[schema(example = "Springfield")]
    pub name: String,
    /// What a location is: `country`, `region`, `county`, `city` or `district`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "city")]
    pub kind: Option<String>,
    /// Centre of a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Coordinates>,
    /// What is above it, from the top down.
    pub path: Vec<NamedNode>,
    /// Open businesses here or anywhere below, each once.
    pub businesses: u64,
    /// How many categories or locations are directly below.
    pub children: u64,
    /// When it was last defined, RFC 3339.
    pub updated_at: String,
    /// What is directly below; `cursor` and `limit` of this endpoint page through it.
    pub children_page: NodeList,
}

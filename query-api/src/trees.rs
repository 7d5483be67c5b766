//! The trees of categories and locations.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use events::LocationKind;
use views::{Coordinates, Locale, NamedNode, NodeRow, Ordinal, Partition, RowKey, Tree, ViewError};

use crate::api::{Api, PathText, Reading, path_text};
use crate::businesses::read_locale;
use crate::compose::write_json;
use crate::cursor::Place;
use crate::documents::{NodeList, NodePage, NodeSummary, Page};
use crate::listings::{page_links, read_limit, slug_key, tree_name};
use crate::metering::Endpoint;
use crate::names::Names;
use crate::parameters::Parameters;
use crate::problems::ReadError;
use crate::respond::{Document, Kind, Reply};

/// Nodes on a page when the client does not say.
const LIMIT_DEFAULT: usize = 100;

/// Nodes on a page at most.
const LIMIT_MAX: usize = 500;

/// `GET /v1/categories`
#[utoipa::path(
    get, path = "/v1/categories", tag = "categories",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "1 to 500, 100 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The categories at the top", body = crate::NodeList),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn categories(State(api): State<Arc<Api>>, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Categories, request);
    let result = read_top(&mut reading, Tree::Category).await;
    reading.finish(result)
}

/// `GET /v1/locations`
#[utoipa::path(
    get, path = "/v1/locations", tag = "locations",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "1 to 500, 100 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The locations at the top", body = crate::NodeList),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn locations(State(api): State<Arc<Api>>, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Locations, request);
    let result = read_top(&mut reading, Tree::Location).await;
    reading.finish(result)
}

/// `GET /v1/categories/{slug}`
#[utoipa::path(
    get, path = "/v1/categories/{slug}", tag = "categories",
    params(
        ("slug" = String, Path, description = "Slug of the category."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page of children before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Children: 1 to 500, 100 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The category and what is directly below it", body = crate::NodePage),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is no such category", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn category(State(api): State<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Category, request);
    let result = read_node(&mut reading, Tree::Category, path).await;
    reading.finish(result)
}

/// `GET /v1/locations/{slug}`
#[utoipa::path(
    get, path = "/v1/locations/{slug}", tag = "locations",
    params(
        ("slug" = String, Path, description = "Slug of the location."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page of children before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Children: 1 to 500, 100 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The location and what is directly in it", body = crate::NodePage),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is no such location", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn location(State(api): State<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Location, request);
    let result = read_node(&mut reading, Tree::Location, path).await;
    reading.finish(result)
}

/// What a client may say about the children of a node.
struct ChildrenQuery {
    cursor: Option<String>,
    limit: usize,
    locale: Option<Locale>,
}

impl ChildrenQuery {
    fn read(query: Option<&str>) -> Result<Self, ReadError> {
        let mut parameters = Parameters::parse(query, &["cursor", "limit", "locale"]);
        let read = Self {
            cursor: parameters.text("cursor").map(str::to_owned),
            limit: read_limit(&mut parameters, LIMIT_DEFAULT, LIMIT_MAX),
            locale: read_locale(&mut parameters),
        };
        parameters.finish()?;
        Ok(read)
    }
}

async fn read_top(reading: &mut Reading<'_>, tree: Tree) -> Result<Reply, ReadError> {
    let query = ChildrenQuery::read(reading.query())?;
    reading.catch_up().await?;
    reading.freshness.touch_all();
    let children = read_children(reading, &query, tree, None).await?;
    let names = Names::load(reading.views(), children.nodes(tree), query.locale).await?;
    let list = children.list(reading, tree, None, &names)?;
    Ok(document(reading, &list, &list))
}

async fn read_node(reading: &mut Reading<'_>, tree: Tree, path: PathText) -> Result<Reply, ReadError> {
    let slug = path_text(path)?;
    let query = ChildrenQuery::read(reading.query())?;
    reading.catch_up().await?;
    reading.freshness.touch_all();
    let not_found = || ReadError::NotFound { what: tree_name(tree), name: slug.clone() };
    let slug_key = slug_key(tree, &slug).ok_or_else(not_found)?;
    let row = reading.views().get(&slug_key).await?.ok_or_else(not_found)?;
    let ordinal = Ordinal::from_body(&row.body)?;
    let row = reading.views().get(&RowKey::Node(tree, ordinal)).await?.ok_or_else(|| ViewError::Corrupt {
        operation: "read a node",
        reason: format!("there is no row of {tree:?} {}", ordinal.0),
    })?;
    let node = NodeRow::from_body(&row.body)?;
    let children = read_children(reading, &query, tree, Some(ordinal)).await?;

    let mut nodes = children.nodes(tree);
    nodes.extend(node.ancestors.iter().map(|ancestor| (tree, *ancestor)));
    let names = Names::load(reading.views(), nodes, query.locale).await?;
    let mut path = Vec::with_capacity(node.ancestors.len());
    for ancestor in &node.ancestors {
        let row = names.row(tree, *ancestor)?;
        path.push(NamedNode { slug: row.slug.clone(), name: names.name(row).to_owned() });
    }
    let list = children.list(reading, tree, Some(ordinal), &names)?;
    let NodeSummary { slug, name, kind, point, businesses, children } = summary(&node, &names);
    let updated_at = node.updated_at.to_rfc3339();
    let page = NodePage { slug, name, kind, point, path, businesses, children, updated_at, children_page: list };
    Ok(document(reading, &page, &page.children_page))
}

/// A page of children, as it was read.
struct Children {
    rows: Vec<(String, Ordinal)>,
    has_more: bool,
}

async fn read_children(
    reading: &Reading<'_>,
    query: &ChildrenQuery,
    tree: Tree,
    parent: Option<Ordinal>,
) -> Result<Children, ReadError> {
    let mut from = match &query.cursor {
        Some(cursor) => reading.api.cursors.open(cursor, Place::Children(tree, parent))?,
        None => Vec::new(),
    };
    if !from.is_empty() {
        // The first slug that comes after the last one given.
        from.push(0);
    }
    let read = reading.views().range(Partition::Children(tree, parent), &from, query.limit + 1).await?;
    let has_more = read.len() > query.limit;
    let mut rows = Vec::with_capacity(read.len());
    for (slug, row) in read.into_iter().take(query.limit) {
        let slug = String::from_utf8(slug)
            .map_err(|e| ViewError::Corrupt { operation: "read the children of a node", reason: e.to_string() })?;
        rows.push((slug, Ordinal::from_body(&row.body)?));
    }
    Ok(Children { rows, has_more })
}

impl Children {
    fn nodes(&self, tree: Tree) -> Vec<(Tree, Ordinal)> {
        self.rows.iter().map(|(_, ordinal)| (tree, *ordinal)).collect()
    }

    fn list(
        self,
        reading: &Reading<'_>,
        tree: Tree,
        parent: Option<Ordinal>,
        names: &Names,
    ) -> Result<NodeList, ViewError> {
        let last = self.rows.last().filter(|_| self.has_more);
        let next_cursor = last.map(|(slug, _)| reading.api.cursors.after_child(tree, parent, slug));
        let data = self.rows.iter().map(|(_, ordinal)| names.row(tree, *ordinal).map(|row| summary(row, names)));
        Ok(NodeList { data: data.collect::<Result<_, _>>()?, page: Page { next_cursor, has_more: self.has_more } })
    }
}

fn summary(row: &NodeRow, names: &Names) -> NodeSummary {
    NodeSummary {
        slug: row.slug.clone(),
        name: names.name(row).to_owned(),
        kind: row.kind.map(|kind| kind_name(kind).to_owned()),
        point: row.point.map(|point| Coordinates { lat: point.lat, lon: point.lon }),
        businesses: row.businesses,
        children: row.children,
    }
}

fn kind_name(kind: LocationKind) -> &'static str {
    match kind {
        LocationKind::Country => "country",
        LocationKind::Region => "region",
        LocationKind::County => "county",
        LocationKind::City => "city",
        LocationKind::District => "district",
    }
}

/// Without `Last-Modified`: counts change, and children come, without any date that says so.
fn document(reading: &Reading<'_>, content: &impl serde::Serialize, list: &NodeList) -> Reply {
    let mut body = Vec::with_capacity(128 * (list.data.len() + 4));
    write_json(&mut body, content);
    Reply::Document(Document {
        body,
        kind: Kind::Tree,
        updated_at: None,
        links: Some(page_links(reading, list.page.next_cursor.as_deref())),
        torn: false,
        lifetime: None,
    })
}

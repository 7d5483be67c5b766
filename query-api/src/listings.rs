//! Ranked lists of businesses.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::Response;
use http_api::FieldError;
use views::{EntryKey, ListId, Locale, NamedNode, Ordinal, Row, RowKey, Sort, Tree, ViewError};

use crate::api::{Api, PathText, Reading, path_text};
use crate::businesses::{may_name_something, read_cards, read_locale, read_templates, write_data};
use crate::compose::{size_hint, write_json};
use crate::cursor::Place;
use crate::documents::{ListMeta, Page};
use crate::entries::read_entries;
use crate::metering::Endpoint;
use crate::names::{Names, nodes_of};
use crate::parameters::{Parameters, without};
use crate::problems::ReadError;
use crate::respond::{Document, Kind, Reply};

/// Businesses on a page when the client does not say.
const LIMIT_DEFAULT: usize = 20;

/// Businesses on a page at most.
const LIMIT_MAX: usize = 100;

/// Reads `limit`.
pub(crate) fn read_limit(parameters: &mut Parameters, default: usize, max: usize) -> usize {
    let limit = parameters.read("limit", |text| match text.parse::<usize>() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(format!("expected a number from 1 to {max}")),
    });
    limit.unwrap_or(default)
}

/// What a client may say about any list.
pub(crate) struct ListQuery {
    sort: Sort,
    cursor: Option<String>,
    limit: usize,
    locale: Option<Locale>,
}

impl ListQuery {
    pub(crate) fn read(parameters: &mut Parameters, locale: Option<Locale>) -> Self {
        let sort = parameters.read("sort", |text| match text {
            "best" => Ok(Sort::Best),
            "newest" => Ok(Sort::Newest),
            "name" => Ok(Sort::Name),
            _ => Err("expected best, newest or name".to_owned()),
        });
        Self {
            sort: sort.unwrap_or(Sort::Best),
            cursor: parameters.text("cursor").map(str::to_owned),
            limit: read_limit(parameters, LIMIT_DEFAULT, LIMIT_MAX),
            locale,
        }
    }
}

/// `GET /v1/categories/{slug}/businesses`
#[utoipa::path(
    get, path = "/v1/categories/{slug}/businesses", tag = "categories",
    params(
        ("slug" = String, Path, description = "Slug of the category; those below it are included."),
        ("location" = Option<String>, Query, description = "Slug of a location: only businesses there. In sort `best` only."),
        ("sort" = Option<String>, Query, pattern = "^(best|newest|name)$", description = "`best` (default), `newest` or `name`."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "1 to 100, 20 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names of categories and locations."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "A page of its open businesses", body = crate::BusinessList),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is no such category", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn category_businesses(State(api): State<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::CategoryBusinesses, request);
    let result = read_node_list(&mut reading, Tree::Category, path).await;
    reading.finish(result)
}

/// `GET /v1/locations/{slug}/businesses`
#[utoipa::path(
    get, path = "/v1/locations/{slug}/businesses", tag = "locations",
    params(
        ("slug" = String, Path, description = "Slug of the location; everything in it is included."),
        ("category" = Option<String>, Query, description = "Slug of a category: only businesses of it. In sort `best` only."),
        ("sort" = Option<String>, Query, pattern = "^(best|newest|name)$", description = "`best` (default), `newest` or `name`."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "1 to 100, 20 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names of categories and locations."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "A page of its open businesses", body = crate::BusinessList),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is no such location", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn location_businesses(State(api): State<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::LocationBusinesses, request);
    let result = read_node_list(&mut reading, Tree::Location, path).await;
    reading.finish(result)
}

/// The list of a node, perhaps narrowed by a node of the other tree.
async fn read_node_list(reading: &mut Reading<'_>, tree: Tree, path: PathText) -> Result<Reply, ReadError> {
    let slug = path_text(path)?;
    let (other_tree, filter_name) = match tree {
        Tree::Category => (Tree::Location, "location"),
        Tree::Location => (Tree::Category, "category"),
    };
    let mut parameters = Parameters::parse(reading.query(), &[filter_name, "sort", "cursor", "limit", "locale"]);
    let locale = read_locale(&mut parameters);
    let query = ListQuery::read(&mut parameters, locale);
    let filter = parameters.text(filter_name).map(str::to_owned);
    if filter.is_some() && query.sort != Sort::Best {
        parameters.reject("sort", "unsupported", "lists of a category in a location are ordered by best only");
    }
    parameters.finish()?;
    reading.catch_up().await?;
    reading.freshness.touch_all();

    let mut keys = vec![slug_key(tree, &slug)];
    keys.extend(filter.as_ref().map(|filter| slug_key(other_tree, filter)));
    let mut nodes = read_slugs(reading, &keys).await?.into_iter();
    let Some(node) = nodes.next().flatten() else {
        return Err(ReadError::NotFound { what: tree_name(tree), name: slug });
    };
    let other = match (filter, nodes.next().flatten()) {
        (Some(filter), None) => {
            let detail = format!("there is no {} {filter:?}", tree_name(other_tree));
            let pointer = format!("?{filter_name}");
            return Err(ReadError::Parameters(vec![FieldError { pointer, code: "not_found".to_owned(), detail }]));
        }
        (_, other) => other,
    };
    match tree {
        Tree::Category => read_list(reading, query, Some(node), other).await,
        Tree::Location => read_list(reading, query, other, Some(node)).await,
    }
}

/// What a tree's nodes are called in problems.
pub(crate) fn tree_name(tree: Tree) -> &'static str {
    match tree {
        Tree::Category => "category",
        Tree::Location => "location",
    }
}

/// The key of a slug; `None` if it cannot be one.
pub(crate) fn slug_key(tree: Tree, slug: &str) -> Option<RowKey> {
    may_name_something(slug).then(|| RowKey::NodeSlug(tree, slug.to_owned()))
}

/// What slugs lead to, in one read.
pub(crate) async fn read_slugs(
    reading: &Reading<'_>,
    keys: &[Option<RowKey>],
) -> Result<Vec<Option<Ordinal>>, ViewError> {
    let known: Vec<RowKey> = keys.iter().flatten().cloned().collect();
    let mut rows = reading.views().multi_get(&known).await?.into_iter();
    keys.iter()
        .map(|key| {
            let row = key.as_ref().and_then(|_| rows.next().flatten());
            row.map(|row| Ordinal::from_body(&row.body)).transpose()
        })
        .collect()
}

/// A page of a list.
pub(crate) async fn read_list(
    reading: &mut Reading<'_>,
    query: ListQuery,
    category: Option<Ordinal>,
    location: Option<Ordinal>,
) -> Result<Reply, ReadError> {
    reading.freshness.touch_all();
    let list = ListId { category, location, sort: query.sort };
    let api = reading.api;
    let after = match &query.cursor {
        Some(cursor) => Some(EntryKey::from_bytes(&api.cursors.open(cursor, Place::List(list))?)),
        None => None,
    };
    let entries = read_entries(reading.views(), &api.options, list, after.as_ref(), query.limit).await?;
    // A card that is not there belongs to a business that was removed a moment ago.
    let rows: Vec<Row> = read_cards(reading, entries.businesses).await?.into_iter().flatten().collect();
    let templates = read_templates(&rows)?;
    let list_nodes =
        [category.map(|ordinal| (Tree::Category, ordinal)), location.map(|ordinal| (Tree::Location, ordinal))];
    let nodes = templates.iter().flat_map(nodes_of).chain(list_nodes.into_iter().flatten()).collect();
    let names = Names::load(reading.views(), nodes, query.locale).await?;

    let next_cursor = entries.next.map(|entry| api.cursors.after_entry(list, &entry));
    let links = page_links(reading, next_cursor.as_deref());
    let page = Page { has_more: next_cursor.is_some(), next_cursor };
    let mut body = Vec::with_capacity(512 + templates.iter().map(size_hint).sum::<usize>());
    write_data(&mut body, &templates, &names)?;
    body.extend_from_slice(br#","page":"#);
    write_json(&mut body, &page);
    body.extend_from_slice(br#","meta":"#);
    write_json(&mut body, &list_meta(list, &names)?);
    body.push(b'}');
    Ok(Reply::Document(Document {
        body,
        kind: Kind::List,
        updated_at: None,
        links: Some(links),
        torn: entries.torn,
        lifetime: None,
    }))
}

fn list_meta(list: ListId, names: &Names) -> Result<ListMeta, ViewError> {
    let category = list.category.map(|ordinal| names.row(Tree::Category, ordinal)).transpose()?;
    let location = list.location.map(|ordinal| names.row(Tree::Location, ordinal)).transpose()?;
    let named = |row: &views::NodeRow| NamedNode { slug: row.slug.clone(), name: names.name(row).to_owned() };
    Ok(ListMeta {
        category: category.map(named),
        location: location.map(named),
        sort: list.sort,
        businesses: match (category, location) {
            (Some(node), None) | (None, Some(node)) => Some(node.businesses),
            _ => None,
        },
    })
}

/// `Link` (RFC 8288) to the first page and the next one.
pub(crate) fn page_links(reading: &Reading<'_>, next_cursor: Option<&str>) -> HeaderValue {
    let path = reading.path();
    let rest = without(reading.query(), "cursor");
    let (question_mark, ampersand) = if rest.is_empty() { ("", "") } else { ("?", "&") };
    let mut links = format!("<{path}{question_mark}{rest}>; rel=\"first\"");
    if let Some(cursor) = next_cursor {
        links.push_str(&format!(", <{path}?{rest}{ampersand}cursor={cursor}>; rel=\"next\""));
    }
    HeaderValue::from_str(&links).expect("a request line holds no controls, and a cursor is letters and digits")
}

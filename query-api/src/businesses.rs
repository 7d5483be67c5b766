//! A business by id or slug, some of them at once, and the list of all.

use std::str::FromStr as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;
use views::{Locale, Ordinal, ReferenceRow, Row, RowKey, Template, ViewError};

use crate::api::{Api, PathText, Reading, path_text};
use crate::compose::{size_hint, write_json, write_template};
use crate::listings::{self, ListQuery};
use crate::metering::Endpoint;
use crate::names::{Names, nodes_of, places_of};
use crate::opening::names_hours;
use crate::parameters::{Parameters, encode_segment};
use crate::problems::ReadError;
use crate::respond::{Document, Kind, Reply};

/// Longer text names no row: keys of rows are bounded.
const NAME_BYTES_MAX: usize = 480;

/// How many businesses one request may name.
const IDS_MAX: usize = 100;

/// Whether text can be an id or a slug at all.
pub(crate) fn may_name_something(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
}

/// Reads `locale`.
pub(crate) fn read_locale(parameters: &mut Parameters) -> Option<Locale> {
    parameters.read("locale", |text| Locale::from_str(text).map_err(str::to_owned))
}

/// `GET /v1/businesses/{id}`
#[utoipa::path(
    get, path = "/v1/businesses/{id}", tag = "businesses",
    params(
        ("id" = String, Path, description = "Id or slug. An old slug is redirected to the new one."),
        ("view" = Option<String>, Query, pattern = "^(full|card)$", description = "`full` (default) or `card`."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names of categories and locations."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The business; a `BusinessCard` with `view=card`", body = crate::documents::Business),
        (status = 304, description = "The client has it already"),
        (status = 308, description = "It is found under another slug now"),
        (status = 400, description = "Parameters or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is none", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "It was removed", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn business(State(api): State<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Business, request);
    let result = read_business(&mut reading, path).await;
    reading.finish(result)
}

async fn read_business(reading: &mut Reading<'_>, path: PathText) -> Result<Reply, ReadError> {
    let asked = path_text(path)?;
    let mut parameters = Parameters::parse(reading.query(), &["view", "locale"]);
    let card = parameters.read("view", |text| match text {
        "full" => Ok(false),
        "card" => Ok(true),
        _ => Err("expected full or card".to_owned()),
    });
    let locale = read_locale(&mut parameters);
    parameters.finish()?;
    reading.catch_up().await?;

    let card = card == Some(true);
    let row = match find(reading, &asked, card, "").await? {
        Found::Row(row) => row,
        Found::Moved(address) => return Ok(Reply::Moved(address)),
    };
    let template = Template::from_body(&row.body)?;
    let mut names = Names::load(reading.views(), nodes_of(&template).collect(), locale).await?;
    names.load_around(reading.views(), places_of(&template)).await?;
    let mut body = Vec::with_capacity(size_hint(&template));
    write_template(&mut body, &template, &names)?;

    reading.freshness.touch_business(|| Uuid::parse_str(&asked).ok().or_else(|| id_of(&body)));
    let updated_at = names.rows().map(|row| row.updated_at).fold(template.updated_at, Ord::max);
    let mut document =
        Document { body, kind: Kind::Business, updated_at: Some(updated_at), links: None, torn: false, lifetime: None };
    if !card && names_hours(&template) {
        let now = reading.api.now();
        if let Some(open_now) = reading.api.opening.add(&row.body, &mut document.body, now)? {
            // It changes without an event: only the `ETag` tells.
            document.updated_at = None;
            document.lifetime = open_now.until.map(|until| until.duration_since(now));
        }
    }
    Ok(Reply::Document(document))
}

/// What an id or slug leads to.
pub(crate) enum Found {
    /// The row of its page or card.
    Row(Row),
    /// It has another slug; the address of the same thing under it.
    Moved(HeaderValue),
}

/// Finds the page or the card of a business; `below` is what follows its name in the path.
pub(crate) async fn find(reading: &mut Reading<'_>, asked: &str, card: bool, below: &str) -> Result<Found, ReadError> {
    let key = reference(asked);
    let found = match &key {
        Some(key) => read_reference(reading, key).await?,
        None => None,
    };
    let not_found = |reading: &mut Reading<'_>, error| {
        reading.freshness.touch_business(|| Uuid::parse_str(asked).ok());
        Err(error)
    };
    let removed = || ReadError::Removed { name: asked.to_owned() };
    let ordinal = match found {
        Some(ReferenceRow::Business(ordinal)) => ordinal,
        Some(ReferenceRow::Moved { slug }) => {
            reading.freshness.touch_business(|| None);
            return Ok(Found::Moved(new_address(&slug, below, reading.query())));
        }
        Some(ReferenceRow::Removed) => return not_found(reading, removed()),
        None => return not_found(reading, ReadError::NotFound { what: "business", name: asked.to_owned() }),
    };
    let document_key = if card { RowKey::Card(ordinal) } else { RowKey::Page(ordinal) };
    if let Some(row) = reading.views().get(&document_key).await? {
        return Ok(Found::Row(row));
    }
    // It may have been removed since its reference was read.
    match read_reference(reading, key.as_ref().expect("a reference was read by it")).await? {
        Some(ReferenceRow::Removed) => not_found(reading, removed()),
        _ => Err(missing_document(&document_key).into()),
    }
}

async fn read_reference(reading: &Reading<'_>, key: &RowKey) -> Result<Option<ReferenceRow>, ViewError> {
    let row = reading.views().get(key).await?;
    row.map(|row| ReferenceRow::from_body(&row.body)).transpose()
}

/// The key of what an id or slug leads to. Ids have one spelling in keys and several in addresses.
fn reference(asked: &str) -> Option<RowKey> {
    match Uuid::parse_str(asked) {
        Ok(id) if asked.len() == 36 => Some(RowKey::Reference(id.to_string())),
        _ => may_name_something(asked).then(|| RowKey::Reference(asked.to_owned())),
    }
}

fn new_address(slug: &str, below: &str, query: Option<&str>) -> HeaderValue {
    let mut address = format!("/v1/businesses/{}{below}", encode_segment(slug));
    if let Some(query) = query {
        address.push('?');
        address.push_str(query);
    }
    HeaderValue::from_str(&address).expect("an encoded slug and a query that was in a request line hold no controls")
}

/// The id out of a finished document, for the rare request that needs it.
fn id_of(body: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Identified {
        id: Uuid,
    }
    serde_json::from_slice::<Identified>(body).ok().map(|document| document.id)
}

fn missing_document(key: &RowKey) -> ViewError {
    ViewError::Corrupt { operation: "read a document", reason: format!("there is no row {key:?}") }
}

/// `GET /v1/businesses`
#[utoipa::path(
    get, path = "/v1/businesses", tag = "businesses",
    params(
        ("ids" = Option<String>, Query, pattern = "^[a-z0-9-]{1,40}(,[a-z0-9-]{1,40}){0,9}$", description = "1 to 100 ids or slugs, separated by commas: these businesses, in this order, as a `BusinessBatch`. Not together with `sort`, `cursor` and `limit`."),
        ("sort" = Option<String>, Query, pattern = "^(best|newest|name)$", description = "`best` (default), `newest` or `name`."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "1 to 100, 20 by default."),
        ("locale" = Option<String>, Query, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", description = "BCP 47 tag: the language of names of categories and locations."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "A page of all open businesses, or the ones asked for", body = crate::documents::Businesses),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters, cursor or token are not valid", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "The cursor is of an older order", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn businesses(State(api): State<Arc<Api>>, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::Businesses, request);
    let result = read_businesses(&mut reading).await;
    reading.finish(result)
}

async fn read_businesses(reading: &mut Reading<'_>) -> Result<Reply, ReadError> {
    let mut parameters = Parameters::parse(reading.query(), &["ids", "sort", "cursor", "limit", "locale"]);
    let ids = parameters.read("ids", read_ids);
    let locale = read_locale(&mut parameters);
    if parameters.text("ids").is_some() {
        for name in ["sort", "cursor", "limit"] {
            if parameters.text(name).is_some() {
                parameters.reject(name, "conflicting", "not together with ids");
            }
        }
    }
    let list = ListQuery::read(&mut parameters, locale.clone());
    parameters.finish()?;
    reading.catch_up().await?;
    match ids {
        Some(ids) => read_batch(reading, ids, locale).await,
        None => listings::read_list(reading, list, None, None).await,
    }
}

fn read_ids(text: &str) -> Result<Vec<String>, String> {
    let ids: Vec<String> = text.split(',').take(IDS_MAX + 1).map(str::to_owned).collect();
    if ids.len() > IDS_MAX {
        return Err(format!("at most {IDS_MAX} ids or slugs"));
    }
    if ids.iter().any(|id| !may_name_something(id)) {
        return Err("expected ids or slugs, separated by commas".to_owned());
    }
    Ok(ids)
}

async fn read_batch(reading: &mut Reading<'_>, ids: Vec<String>, locale: Option<Locale>) -> Result<Reply, ReadError> {
    reading.freshness.touch_all();
    let keys: Vec<RowKey> = ids.iter().filter_map(|id| reference(id)).collect();
    let mut found = read_references(reading, &keys).await?;
    // Old slugs lead to new ones, which lead to the business: one more read if there are any.
    let (moved_places, moved_keys): (Vec<usize>, Vec<RowKey>) = found
        .iter()
        .enumerate()
        .filter_map(|(place, row)| match row {
            Some(ReferenceRow::Moved { slug }) => Some((place, RowKey::Reference(slug.clone()))),
            _ => None,
        })
        .unzip();
    if !moved_keys.is_empty() {
        for (place, row) in moved_places.into_iter().zip(read_references(reading, &moved_keys).await?) {
            found[place] = row;
        }
    }
    let ordinals: Vec<Option<Ordinal>> = found
        .into_iter()
        .map(|row| match row {
            Some(ReferenceRow::Business(ordinal)) => Some(ordinal),
            _ => None,
        })
        .collect();
    let mut cards = read_cards(reading, ordinals.iter().flatten().copied()).await?.into_iter();
    let mut missing = Vec::new();
    let mut rows = Vec::with_capacity(ids.len());
    for (id, ordinal) in ids.into_iter().zip(ordinals) {
        match ordinal.and_then(|_| cards.next().flatten()) {
            Some(row) => rows.push(row),
            None => missing.push(id),
        }
    }
    let templates = read_templates(&rows)?;
    let names = Names::load(reading.views(), templates.iter().flat_map(nodes_of).collect(), locale).await?;
    let mut body = Vec::with_capacity(64 + templates.iter().map(size_hint).sum::<usize>());
    write_data(&mut body, &templates, &names)?;
    body.extend_from_slice(br#","missing":"#);
    write_json(&mut body, &missing);
    body.push(b'}');
    Ok(Reply::Document(Document {
        body,
        kind: Kind::Business,
        updated_at: None,
        links: None,
        torn: false,
        lifetime: None,
    }))
}

async fn read_references(reading: &Reading<'_>, keys: &[RowKey]) -> Result<Vec<Option<ReferenceRow>>, ViewError> {
    let rows = reading.views().multi_get(keys).await?;
    rows.into_iter().map(|row| row.map(|row| ReferenceRow::from_body(&row.body)).transpose()).collect()
}

/// Cards in the order asked, in one read.
pub(crate) async fn read_cards(
    reading: &Reading<'_>,
    businesses: impl IntoIterator<Item = Ordinal>,
) -> Result<Vec<Option<Row>>, ViewError> {
    let keys: Vec<RowKey> = businesses.into_iter().map(RowKey::Card).collect();
    if keys.is_empty() { Ok(Vec::new()) } else { reading.views().multi_get(&keys).await }
}

/// Templates of rows; they borrow their JSON.
pub(crate) fn read_templates(rows: &[Row]) -> Result<Vec<Template<'_>>, ViewError> {
    rows.iter().map(|row| Template::from_body(&row.body)).collect()
}

/// Appends `{"data":[…]`.
pub(crate) fn write_data(body: &mut Vec<u8>, templates: &[Template<'_>], names: &Names) -> Result<(), ViewError> {
    body.extend_from_slice(br#"{"data":["#);
    for (i, template) in templates.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        write_template(body, template, names)?;
    }
    body.push(b']');
    Ok(())
}

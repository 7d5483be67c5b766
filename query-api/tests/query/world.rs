//! A small directory, and a client of its API.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::from_fn;
use events::{LocationKind, Names, Point, Timestamp};
use http_api::{Problem, assign_request_id};
use http_body_util::BodyExt as _;
use query_api::{QueryOptions, method_not_allowed, not_found, router};
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;
use uuid::Uuid;
use views::{
    Block, BlockEnd, BusinessStatus, EntryKey, Hole, ListId, NodeRow, Ordinal, ReferenceRow, RowKey, Sort,
    TemplateWriter, Tree, ViewReader, is_boundary,
};

use crate::views_in_memory::Memory;

pub(crate) const FOOD: Ordinal = Ordinal(1);
pub(crate) const PIZZA: Ordinal = Ordinal(2);
pub(crate) const US: Ordinal = Ordinal(10);
pub(crate) const ILLINOIS: Ordinal = Ordinal(11);
pub(crate) const SPRINGFIELD: Ordinal = Ordinal(12);

/// The moment at which everything was last changed.
pub(crate) const AT: Timestamp = Timestamp(784_111_777_000_000);

pub(crate) const EVERYTHING: ListId = ListId { category: None, location: None, sort: Sort::Best };

pub(crate) fn business(number: u64) -> Ordinal {
    Ordinal(100 + number)
}

pub(crate) fn id(number: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

pub(crate) fn names(names: &[(&str, &str)]) -> Names {
    names.iter().map(|(tag, name)| ((*tag).to_owned(), (*name).to_owned())).collect()
}

impl Memory {
    /// Two categories, three locations, one business.
    pub(crate) fn world() -> Arc<Self> {
        let memory = Self::new();
        memory.put_node(Tree::Category, FOOD, "food", &names(&[("en", "Food"), ("de", "Essen")]), &[], 1);
        memory.put_node(Tree::Category, PIZZA, "pizza", &names(&[("en", "Pizza")]), &[FOOD], 0);
        memory.put_node(
            Tree::Location,
            US,
            "us",
            &names(&[("en", "United States"), ("de", "Vereinigte Staaten")]),
            &[],
            1,
        );
        memory.put_node(Tree::Location, ILLINOIS, "us-il", &names(&[("en", "Illinois")]), &[US], 1);
        let springfield = names(&[("en", "Spring\"field\"\n\u{2028}"), ("ja", "スプリングフィールド")]);
        memory.put_node(Tree::Location, SPRINGFIELD, "us-il-springfield", &springfield, &[US, ILLINOIS], 0);
        memory.put_business(1);
        memory
    }

    pub(crate) fn put_node(
        &self,
        tree: Tree,
        ordinal: Ordinal,
        slug: &str,
        names: &Names,
        ancestors: &[Ordinal],
        children: u64,
    ) {
        let node = NodeRow {
            slug: slug.to_owned(),
            names: names.clone(),
            kind: (tree == Tree::Location)
                .then_some([LocationKind::Country, LocationKind::Region, LocationKind::City][ancestors.len()]),
            point: (tree == Tree::Location).then_some(Point { lat: 39.5, lon: -89.5 }),
            ancestors: ancestors.to_vec(),
            children,
            businesses: 7,
            updated_at: AT,
        };
        self.put(&RowKey::Node(tree, ordinal), ordinal.0, node.to_body());
        self.put(&RowKey::NodeSlug(tree, slug.to_owned()), ordinal.0, ordinal.to_body());
        let child = RowKey::Child { tree, parent: ancestors.last().copied(), slug: slug.to_owned() };
        self.put(&child, ordinal.0, ordinal.to_body());
    }

    /// Page, card, id and slug `b-<number>` of an open pizza place in Springfield.
    pub(crate) fn put_business(&self, number: u64) {
        let ordinal = business(number);
        let reference = ReferenceRow::Business(ordinal).to_body();
        self.put(&RowKey::Reference(id(number).to_string()), ordinal.0, reference.clone());
        self.put(&RowKey::Reference(format!("b-{number}")), ordinal.0, reference);
        let mut writer = TemplateWriter::default();
        let name = "Joe's \"best\" pizza";
        let slug = format!("b-{number}");
        let page = writer
            .member("id", &id(number))
            .member("slug", &slug)
            .member("name", name)
            .member("status", &BusinessStatus::Open)
            .holes("categories", [Hole::Node(Tree::Category, PIZZA), Hole::Node(Tree::Category, FOOD)])
            .hole("location", Hole::Place(SPRINGFIELD))
            .member("attributes", &BTreeMap::from([("outdoor_seating", "yes")]))
            .member("registered_at", &AT.to_rfc3339())
            .member("updated_at", &AT.to_rfc3339())
            .member("version", &3)
            .finish(AT);
        self.put(&RowKey::Page(ordinal), ordinal.0, page);
        let card = writer
            .member("id", &id(number))
            .member("slug", &slug)
            .member("name", name)
            .member("status", &BusinessStatus::Open)
            .hole("category", Hole::Node(Tree::Category, PIZZA))
            .hole("location", Hole::Node(Tree::Location, SPRINGFIELD))
            .finish(AT);
        self.put(&RowKey::Card(ordinal), ordinal.0, card);
    }

    /// Removes a business as a fold does.
    pub(crate) fn remove_business(&self, number: u64) {
        let removed = ReferenceRow::Removed.to_body();
        self.put(&RowKey::Reference(id(number).to_string()), 900, removed.clone());
        self.put(&RowKey::Reference(format!("b-{number}")), 900, removed);
        self.delete(&RowKey::Page(business(number)));
        self.delete(&RowKey::Card(business(number)));
    }

    /// Replaces a list, cut as a fold cuts it.
    pub(crate) fn put_list(&self, list: ListId, entries: Vec<EntryKey>) {
        self.put_list_cut(list, entries, is_boundary);
    }

    /// Replaces a list, cut behind the entries that `is_end` names.
    pub(crate) fn put_list_cut(&self, list: ListId, entries: Vec<EntryKey>, is_end: impl FnMut(&EntryKey) -> bool) {
        let prefix = views::Partition::List(list).prefix();
        self.rows.lock().unwrap().retain(|key, _| !key.starts_with(&prefix));
        for (end, block) in cut(entries, is_end) {
            self.put(&RowKey::Block(list, end), 500, block.to_body());
        }
    }
}

/// Blocks of a list; none of an empty one, else a tail at the end.
pub(crate) fn cut(mut entries: Vec<EntryKey>, mut is_end: impl FnMut(&EntryKey) -> bool) -> Vec<(BlockEnd, Block)> {
    entries.sort();
    let mut blocks = Vec::new();
    let mut block = Block::default();
    for entry in &entries {
        block.entries.push(entry.clone());
        if is_end(entry) {
            let next = Block { previous: Some(entry.clone()), entries: Vec::new() };
            blocks.push((BlockEnd::Entry(entry.clone()), std::mem::replace(&mut block, next)));
        }
    }
    if !entries.is_empty() {
        blocks.push((BlockEnd::Tail, block));
    }
    blocks
}

pub(crate) fn options() -> QueryOptions {
    QueryOptions::new([7; 32])
}

/// The API as a server puts it together.
pub(crate) fn api<R: ViewReader>(views: Arc<R>, options: QueryOptions) -> Router {
    router(views, options)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(assign_request_id))
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success, held to its description.
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body of a refusal.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(
            (self.status.as_u16(), problem.status, problem.code.as_str()),
            (status, status, code),
            "{problem:?}"
        );
        assert_eq!(problem.request_id, self.header("x-request-id"), "the problem names its request");
        problem
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.headers.get("lawless-stale").is_some_and(|value| value == "?1")
    }
}

pub(crate) async fn send(api: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(api: &Router, path: &str) -> Answer {
    send(api, "GET", path, &[]).await
}

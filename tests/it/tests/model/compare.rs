//! The real directory, read through the query API, against the naive one.

use axum::http::StatusCode;
use query_api::{BusinessBatch, BusinessList, NodeList, NodePage};
use rand::RngExt;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;
use views::{BusinessCard, BusinessPage, Sort};

use crate::directory::{Business, Directory, Status, Tree};
use crate::show::Shown;
use crate::world::World;

/// Lists that are walked when not all of them are.
const SOME_LISTS: usize = 12;

/// One comparison, in a language of its own.
pub(crate) struct Comparison<'c> {
    pub(crate) directory: &'c Directory,
    pub(crate) world: &'c World,
    pub(crate) rng: &'c mut ChaCha8Rng,
    shown: Shown<'c>,
}

/// Which list.
#[derive(Debug, Clone)]
struct ListName {
    category: Option<String>,
    location: Option<String>,
    sort: Sort,
}

impl<'c> Comparison<'c> {
    pub(crate) fn new(directory: &'c Directory, world: &'c World, rng: &'c mut ChaCha8Rng) -> Self {
        let locale = [None, Some("en"), Some("de-AT"), Some("pt-BR"), Some("fr")][rng.random_range(0..5)];
        Self { directory, world, rng, shown: Shown { directory, locale } }
    }

    /// What was touched, both trees, and some lists.
    pub(crate) async fn some(&mut self) {
        for index in self.directory.touched.clone() {
            self.business(&self.directory.businesses[index]).await;
            self.past(index).await;
        }
        self.batch().await;
        self.trees().await;
        let lists = self.lists();
        for _ in 0..SOME_LISTS {
            let list = lists.choose(self.rng).unwrap().clone();
            self.list(&list).await;
        }
    }

    /// Everything there is.
    pub(crate) async fn everything(&mut self) {
        for (index, business) in self.directory.businesses.iter().enumerate() {
            self.business(business).await;
            self.past(index).await;
        }
        self.batch().await;
        self.trees().await;
        for list in self.lists() {
            self.list(&list).await;
        }
        let unknown = Uuid::from_u128(self.rng.random());
        for path in [format!("/v1/businesses/{unknown}"), "/v1/businesses/nobody".into(), "/v1/categories/zz".into()] {
            assert_eq!(self.world.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }

    fn locale(&self) -> String {
        self.shown.locale.map(|locale| format!("locale={locale}")).unwrap_or_default()
    }

    async fn business(&self, business: &Business) {
        let names = [business.id.to_string(), business.slug.clone()];
        for name in &names {
            let path = format!("/v1/businesses/{}", encode(name));
            let page = self.world.get(&format!("{path}?{}", self.locale())).await;
            if business.status == Status::Removed {
                assert_eq!(page.status, StatusCode::GONE, "{path} of {business:?}");
                continue;
            }
            assert_eq!(page.document::<BusinessPage>(), self.shown.page(business), "{path}");
            let card = self.world.get(&format!("{path}?view=card&{}", self.locale())).await;
            assert_eq!(card.document::<BusinessCard>(), self.shown.card(business), "{path}");
        }
        for old in &business.old_slugs {
            let path = format!("/v1/businesses/{}", encode(old));
            let answer = self.world.get(&path).await;
            if business.status == Status::Removed {
                assert_eq!(answer.status, StatusCode::GONE, "{path} of {business:?}");
            } else {
                assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{path} of {business:?}");
                assert_eq!(answer.location, format!("/v1/businesses/{}", encode(&business.slug)));
            }
        }
    }

    /// Businesses by ids and slugs, old ones among them, at once.
    async fn batch(&mut self) {
        let mut asked: Vec<(String, Option<usize>)> = Vec::new();
        let slugs: Vec<_> = self.directory.slugs.iter().collect();
        for _ in 0..self.rng.random_range(1..=20) {
            asked.push(match (slugs.choose(self.rng), self.rng.random_range(0..10)) {
                (Some((slug, index)), 0..6) => ((*slug).clone(), Some(**index)),
                (Some((_, index)), 6..9) => (self.directory.businesses[**index].id.to_string(), Some(**index)),
                _ => ("nobody".to_owned(), None),
            });
        }
        let there = |index: &Option<usize>| {
            index.map(|index| &self.directory.businesses[index]).filter(|b| b.status != Status::Removed)
        };
        let expected = BusinessBatch {
            data: asked.iter().filter_map(|(_, index)| there(index)).map(|b| self.shown.card(b)).collect(),
            missing: asked.iter().filter(|(_, index)| there(index).is_none()).map(|(name, _)| name.clone()).collect(),
        };
        let ids: Vec<String> = asked.iter().map(|(name, _)| encode(name)).collect();
        let path = format!("/v1/businesses?ids={}&{}", ids.join(","), self.locale());
        let answer = self.world.get(path.trim_end_matches('&')).await;
        assert_eq!(answer.document::<BusinessBatch>(), expected, "{path}");
    }

    async fn trees(&mut self) {
        for tree in Tree::BOTH {
            let path = format!("/v1/{}", tree.path());
            let expected = self.shown.children(tree, None);
            let mut found = Vec::new();
            let mut query = self.page_query();
            loop {
                let list: NodeList = self.world.get(&format!("{path}?{query}")).await.document();
                found.extend(list.data);
                assert_eq!(list.page.has_more, list.page.next_cursor.is_some());
                let Some(cursor) = list.page.next_cursor else { break };
                query = format!("{}&cursor={cursor}", self.page_query());
            }
            assert_eq!(found, expected, "{path}");
            for slug in self.directory.tree(tree).keys() {
                self.node(tree, slug).await;
            }
        }
    }

    async fn node(&mut self, tree: Tree, slug: &str) {
        let path = format!("/v1/{}/{slug}", tree.path());
        let page: NodePage = self.world.get(&format!("{path}?{}", self.locale())).await.document();
        let expected = self.shown.summary(tree, slug);
        assert_eq!((&page.slug, &page.name, &page.kind), (&expected.slug, &expected.name, &expected.kind), "{path}");
        assert_eq!(
            (page.point, page.businesses, page.children),
            (expected.point, expected.businesses, expected.children),
            "{path}"
        );
        assert_eq!(page.path, self.shown.path(tree, slug), "{path}");
        assert_eq!(page.updated_at, self.directory.tree(tree)[slug].updated_at.to_rfc3339(), "{path}");
        assert_eq!(page.children_page.data, self.shown.children(tree, Some(slug)), "{path}");
    }

    /// Every list that is kept.
    fn lists(&self) -> Vec<ListName> {
        let some = |slug: &String| Some(slug.clone());
        let categories: Vec<_> = self.directory.categories.keys().map(some).chain([None]).collect();
        let locations: Vec<_> = self.directory.locations.keys().map(some).chain([None]).collect();
        let mut lists = Vec::new();
        for category in &categories {
            for location in &locations {
                let both = category.is_some() && location.is_some();
                let sorts = if both { &[Sort::Best][..] } else { &Sort::ALL };
                let named =
                    |sort: &Sort| ListName { category: category.clone(), location: location.clone(), sort: *sort };
                lists.extend(sorts.iter().map(named));
            }
        }
        lists
    }

    /// A few at a time, or many.
    fn page_query(&mut self) -> String {
        let limit = if self.rng.random_bool(0.7) { self.rng.random_range(1..=7) } else { 100 };
        format!("limit={limit}&{}", self.locale()).trim_end_matches('&').to_owned()
    }

    /// Walks a list from its first page to its last, with pages of random sizes.
    async fn list(&mut self, list: &ListName) {
        let ListName { category, location, sort } = list;
        let (path, filter) = match (category, location) {
            (None, None) => ("/v1/businesses".to_owned(), String::new()),
            (Some(category), None) => (format!("/v1/categories/{category}/businesses"), String::new()),
            (None, Some(location)) => (format!("/v1/locations/{location}/businesses"), String::new()),
            (Some(category), Some(location)) if self.rng.random_bool(0.5) => {
                (format!("/v1/categories/{category}/businesses"), format!("&location={location}"))
            }
            (Some(category), Some(location)) => {
                (format!("/v1/locations/{location}/businesses"), format!("&category={category}"))
            }
        };
        let sort_name = serde_json::to_value(sort).unwrap().as_str().unwrap().to_owned();
        let expected = self.shown.list(category.as_deref(), location.as_deref(), *sort);
        let mut found: Vec<BusinessCard> = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!("{}&sort={sort_name}{filter}{cursor}", self.page_query());
            let page: BusinessList = self.world.get(&format!("{path}?{query}")).await.document();
            let alone = category.is_some() != location.is_some();
            assert_eq!(page.meta.businesses, alone.then_some(expected.len() as u64), "{list:?}");
            assert_eq!(page.meta.sort, *sort);
            assert_eq!(page.meta.category, category.as_ref().map(|slug| self.shown.named(Tree::Categories, slug)));
            assert_eq!(page.meta.location, location.as_ref().map(|slug| self.shown.named(Tree::Locations, slug)));
            assert_eq!(page.page.has_more, page.page.next_cursor.is_some());
            found.extend(page.data);
            assert!(found.len() <= expected.len(), "{list:?} holds more than {} businesses", expected.len());
            let Some(next) = page.page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{list:?}");
    }
}

/// Percent-encodes whatever is not a letter, a digit or one of `-._~`.
pub(crate) fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

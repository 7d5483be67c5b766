//! Ranked lists: paging, links, cursors.

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::JournalId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use query_api::BusinessList;
use sha2::Sha256;
use views::{EntryKey, ListId, Ordinal, Sort, is_boundary};

use crate::views_in_memory::{Memory, journal};
use crate::world::{Answer, EVERYTHING, PIZZA, SPRINGFIELD, api, business, get, id, options};

fn entry(sort: Sort, number: u64) -> EntryKey {
    match sort {
        Sort::Best => EntryKey::best(u16::try_from(number % 7).unwrap(), business(number)),
        Sort::Newest => EntryKey::newest(business(number)),
        Sort::Name => EntryKey::name(&format!("name {}", number % 50), business(number)),
    }
}

/// Slugs of a whole list, page by page, along `next_cursor`; `Link` must lead the same way.
async fn walk(api: &Router, path: &str) -> Vec<String> {
    let mut slugs = Vec::new();
    let mut next = path.to_owned();
    loop {
        let answer = get(api, &next).await;
        let list: BusinessList = answer.json();
        assert!(!answer.is_stale());
        assert_eq!(list.page.has_more, list.page.next_cursor.is_some());
        slugs.extend(list.data.into_iter().map(|card| card.slug));
        assert!(slugs.len() <= 1000, "the list goes round in circles");
        let Some(cursor) = list.page.next_cursor else {
            assert_eq!(link(&answer, "next"), None);
            return slugs;
        };
        next = link(&answer, "next").unwrap();
        assert!(next.ends_with(&format!("cursor={cursor}")), "{next}");
        assert_eq!(link(&answer, "first").unwrap(), path);
    }
}

fn link(answer: &Answer, relation: &str) -> Option<String> {
    let suffix = format!(">; rel=\"{relation}\"");
    let link = answer.header("link").split(", ").find_map(|link| link.strip_suffix(&suffix))?;
    Some(link.strip_prefix('<').unwrap().to_owned())
}

#[tokio::test]
async fn pages_of_every_size_make_up_the_list() {
    let memory = Memory::world();
    (1..=1000).for_each(|number| memory.put_business(number));
    let api = api(memory.clone(), options());
    for (list, sort_name, path) in [
        (EVERYTHING, "best", "/v1/businesses"),
        (ListId { category: Some(PIZZA), location: None, sort: Sort::Name }, "name", "/v1/categories/pizza/businesses"),
        (
            ListId { category: None, location: Some(SPRINGFIELD), sort: Sort::Newest },
            "newest",
            "/v1/locations/us-il-springfield/businesses",
        ),
    ] {
        let mut entries: Vec<EntryKey> = (1..=1000).map(|number| entry(list.sort, number)).collect();
        entries.sort();
        let expected: Vec<String> =
            entries.iter().map(|e| format!("b-{}", e.ordinal(list.sort).unwrap().0 - 100)).collect();
        // As a fold cuts it, in very short blocks, and with an empty tail.
        memory.put_list(list, entries.clone());
        for limit in [1, 2, 7, 19, 20, 50, 99, 100] {
            assert_eq!(walk(&api, &format!("{path}?sort={sort_name}&limit={limit}")).await, expected, "{limit}");
        }
        let mut count = 0;
        memory.put_list_cut(list, entries.clone(), |_| {
            count += 1;
            count % 3 == 0
        });
        for limit in [1, 20, 100] {
            assert_eq!(walk(&api, &format!("{path}?limit={limit}&sort={sort_name}")).await, expected, "{limit}");
        }
        let last = entries.last().unwrap().clone();
        memory.put_list_cut(list, entries, |e| is_boundary(e) || *e == last);
        assert_eq!(walk(&api, &format!("{path}?sort={sort_name}&limit=100")).await, expected);
    }
}

#[tokio::test]
async fn every_limit_gives_as_many() {
    let memory = Memory::world();
    (1..=120).for_each(|number| memory.put_business(number));
    memory.put_list(EVERYTHING, (1..=120).map(|number| entry(Sort::Best, number)).collect());
    let api = api(memory, options());
    for limit in 1..=100 {
        let list: BusinessList = get(&api, &format!("/v1/businesses?limit={limit}")).await.json();
        assert_eq!((list.data.len(), list.page.has_more), (limit, true));
    }
    let list: BusinessList = get(&api, "/v1/businesses").await.json();
    assert_eq!(list.data.len(), 20);
}

#[tokio::test]
async fn a_list_says_what_it_is_about() {
    let memory = Memory::world();
    let both = ListId { category: Some(PIZZA), location: Some(SPRINGFIELD), sort: Sort::Best };
    memory.put_list(both, vec![entry(Sort::Best, 1)]);
    let api = api(memory, options());
    for path in [
        "/v1/categories/pizza/businesses?location=us-il-springfield&locale=ja",
        "/v1/locations/us-il-springfield/businesses?sort=best&category=pizza&locale=ja",
    ] {
        let list: BusinessList = get(&api, path).await.json();
        assert_eq!(list.data[0].id, id(1));
        assert_eq!(list.meta.category.unwrap().name, "Pizza");
        assert_eq!(list.meta.location.unwrap().name, "スプリングフィールド");
        assert_eq!((list.meta.sort, list.meta.businesses), (Sort::Best, None));
        assert_eq!(list.page.next_cursor, None);
    }
    let empty: BusinessList = get(&api, "/v1/categories/food/businesses?sort=newest").await.json();
    assert_eq!((empty.data.len(), empty.meta.businesses, empty.meta.location), (0, Some(7), None));
    let everything: BusinessList = get(&api, "/v1/businesses").await.json();
    assert_eq!((everything.data.len(), everything.meta.businesses), (0, None));

    get(&api, "/v1/categories/nothing/businesses").await.problem(404, "not_found");
    get(&api, "/v1/locations/pizza/businesses").await.problem(404, "not_found");
    let long = "x".repeat(3000);
    for filter in ["nothing", "", &long] {
        let problem = get(&api, &format!("/v1/categories/pizza/businesses?location={filter}")).await;
        assert_eq!(problem.problem(400, "invalid_parameters").errors[0].pointer, "?location");
    }
}

#[tokio::test]
async fn a_list_that_changes_between_pages_goes_on_where_it_was() {
    let memory = Memory::world();
    (1..=60).for_each(|number| memory.put_business(number));
    let newest = |numbers: &[u64]| numbers.iter().map(|number| EntryKey::newest(business(*number))).collect();
    let sorted = ListId { sort: Sort::Newest, ..EVERYTHING };
    memory.put_list(sorted, newest(&(1..=50).collect::<Vec<_>>()));
    let api = api(memory.clone(), options());
    let first: BusinessList = get(&api, "/v1/businesses?sort=newest&limit=20").await.json();
    assert_eq!(first.data.last().unwrap().slug, "b-31");

    // When the last one given, the next one, and others go, and new ones come,
    let left: Vec<u64> = (1..=60).filter(|number| ![31, 30, 50, 12].contains(number)).collect();
    memory.put_list(sorted, newest(&left));
    // and one is removed whose card goes before the list says so,
    memory.remove_business(9);
    let path = format!("/v1/businesses?sort=newest&limit=100&cursor={}", first.page.next_cursor.unwrap());
    let second: BusinessList = get(&api, &path).await.json();

    // then nothing that stayed is missed or given twice.
    let slugs: Vec<_> = second.data.into_iter().map(|card| card.slug).collect();
    let expected: Vec<_> =
        (1..=29).rev().filter(|number| ![12, 9].contains(number)).map(|number| format!("b-{number}")).collect();
    assert_eq!(slugs, expected);
}

#[tokio::test]
async fn cursors_are_no_place_to_write() {
    let memory = Memory::world();
    (1..=3).for_each(|number| memory.put_business(number));
    let entries: Vec<_> = (1..=3).map(|number| entry(Sort::Best, number)).collect();
    memory.put_list(EVERYTHING, entries.clone());
    memory.put_list(ListId { category: Some(PIZZA), ..EVERYTHING }, entries);
    let api = api(memory.clone(), options());
    let list: BusinessList = get(&api, "/v1/businesses?limit=1").await.json();
    let cursor = list.page.next_cursor.unwrap();
    let flipped: String = cursor.chars().rev().collect();
    let long = "A".repeat(60_000);
    for forged in ["", "x", "%00", "%22%0d%0a", &flipped, &cursor[1..], &format!("{cursor}="), &long] {
        get(&api, &format!("/v1/businesses?cursor={forged}")).await.problem(400, "invalid_cursor");
        get(&api, &format!("/v1/categories?cursor={forged}")).await.problem(400, "invalid_cursor");
    }
    for other in
        ["/v1/categories/pizza/businesses?", "/v1/businesses?sort=name&", "/v1/categories?", "/v1/locations/us?"]
    {
        get(&api, &format!("{other}cursor={cursor}")).await.problem(400, "invalid_cursor");
    }
    // A cursor of another key, as after the loss of the data folder.
    let mut other = options();
    other.cursor_key = [8; 32];
    let elsewhere = crate::world::api(memory.clone(), other);
    get(&elsewhere, &format!("/v1/businesses?cursor={cursor}")).await.problem(400, "invalid_cursor");
    // One of another journal under the same key, as after a backup was restored for programs whose key is given.
    memory.status.send_modify(|status| status.journal_id = JournalId(uuid::Uuid::from_u128(99)));
    let restored = crate::world::api(memory, options());
    get(&restored, &format!("/v1/businesses?cursor={cursor}")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_cursor_of_an_older_order_has_expired() {
    let memory = Memory::world();
    memory.put_list(EVERYTHING, (1..=3).map(|number| entry(Sort::Best, number)).collect());
    let api = api(memory, options());
    let list: BusinessList = get(&api, "/v1/businesses?limit=1").await.json();
    // As an earlier program signed it: the order's version comes first, 16 bytes of HMAC-SHA-256 last.
    let mut cursor = URL_SAFE_NO_PAD.decode(list.page.next_cursor.unwrap()).unwrap();
    cursor.truncate(cursor.len() - 16);
    cursor[0] = cursor[0].wrapping_sub(1);
    let mut mac = Hmac::<Sha256>::new_from_slice(&options().cursor_key).unwrap();
    mac.update(journal().0.as_bytes());
    mac.update(&cursor);
    cursor.extend(&mac.finalize().into_bytes()[..16]);
    let path = format!("/v1/businesses?limit=1&cursor={}", URL_SAFE_NO_PAD.encode(cursor));
    let problem = get(&api, &path).await.problem(410, "cursor_expired");
    assert!(!problem.retryable, "the same cursor never becomes good again");
}

#[tokio::test]
async fn a_damaged_list_is_a_problem() {
    let memory = Memory::world();
    memory.put_list(EVERYTHING, vec![EntryKey::from_bytes(&[1, 2, 3])]);
    get(&api(memory.clone(), options()), "/v1/businesses").await.problem(500, "internal");
    let page = views::RowKey::Block(EVERYTHING, views::BlockEnd::Tail);
    memory.put(&page, 5, vec![1, 2, 3]);
    get(&api(memory.clone(), options()), "/v1/businesses").await.problem(500, "internal");
    memory.put_list(EVERYTHING, vec![EntryKey::best(1, Ordinal(u64::MAX))]);
    let list: BusinessList = get(&api(memory, options()), "/v1/businesses").await.json();
    assert_eq!(list.data.len(), 0);
}

//! Pages and cards of businesses.

use events::Position;
use query_api::BusinessBatch;
use views::{BusinessCard, BusinessPage, ReferenceRow, Row, RowKey};

use crate::views_in_memory::Memory;
use crate::world::{api, business, get, id, options, send};

#[tokio::test]
async fn a_page_is_found_by_id_and_by_slug() {
    let api = api(Memory::world(), options());
    let by_slug = get(&api, "/v1/businesses/b-1").await;
    let page: BusinessPage = by_slug.json();
    assert_eq!((page.id, page.slug.as_str(), page.name.as_str()), (id(1), "b-1", "Joe's \"best\" pizza"));
    let categories: Vec<_> = page.categories.iter().map(|c| (c.slug.as_str(), c.name.as_str())).collect();
    assert_eq!(categories, [("pizza", "Pizza"), ("food", "Food")]);
    let location = page.location.unwrap();
    assert_eq!(location.name, "Spring\"field\"\n\u{2028}", "names are escaped");
    assert_eq!(location.path.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["United States", "Illinois"]);
    for address in [id(1).to_string(), id(1).to_string().to_uppercase()] {
        let by_id = get(&api, &format!("/v1/businesses/{address}")).await;
        assert_eq!(by_id.body, by_slug.body);
        assert_eq!(by_id.header("etag"), by_slug.header("etag"));
    }
}

#[tokio::test]
async fn names_come_in_the_wanted_locale() {
    let api = api(Memory::world(), options());
    let page: BusinessPage = get(&api, "/v1/businesses/b-1?locale=de-AT").await.json();
    assert_eq!(page.categories[1].name, "Essen");
    assert_eq!(page.location.unwrap().path[0].name, "Vereinigte Staaten");
    let card: BusinessCard = get(&api, "/v1/businesses/b-1?view=card&locale=ja").await.json();
    assert_eq!(card.location.unwrap().name, "スプリングフィールド");
    assert_eq!(card.category.name, "Pizza");
    get(&api, "/v1/businesses/b-1?locale=en_US").await.problem(400, "invalid_parameters");
}

#[tokio::test]
async fn an_old_slug_is_redirected_with_its_query() {
    let memory = Memory::world();
    memory.put(&RowKey::Reference("old".into()), 900, ReferenceRow::Moved { slug: "b-1é/\r\nx: y".into() }.to_body());
    let answer = get(&api(memory, options()), "/v1/businesses/old?view=card&locale=de").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "/v1/businesses/b-1%C3%A9%2F%0D%0Ax%3A%20y?view=card&locale=de");
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn what_was_removed_is_gone_and_what_never_was_is_not_found() {
    let memory = Memory::world();
    memory.remove_business(1);
    let api = api(memory, options());
    for path in ["/v1/businesses/b-1".to_owned(), format!("/v1/businesses/{}?view=card", id(1))] {
        get(&api, &path).await.problem(410, "removed");
    }
    for path in ["b-2", &id(2).to_string(), &"x".repeat(9000), "%00", "%F0%9F%8D%95", "..%2f..", "%22%0d%0aX-Evil:1"] {
        let answer = get(&api, &format!("/v1/businesses/{path}")).await;
        answer.problem(404, "not_found");
        assert!(!answer.headers.contains_key("x-evil"));
    }
    get(&api, "/v1/businesses/%ff%fe").await.problem(400, "invalid_path");
}

#[tokio::test]
async fn a_page_that_goes_between_two_reads_is_gone() {
    let memory = Memory::world();
    *memory.before_page.lock().unwrap() = Some(Box::new(|rows| {
        rows.remove(&RowKey::Page(business(1)).to_bytes());
        let removed = Row { version: Position(900), body: ReferenceRow::Removed.to_body().into() };
        rows.insert(RowKey::Reference("b-1".into()).to_bytes(), removed);
    }));
    get(&api(memory, options()), "/v1/businesses/b-1").await.problem(410, "removed");
}

#[tokio::test]
async fn a_page_that_is_missing_without_a_reason_is_a_broken_store() {
    let memory = Memory::world();
    memory.delete(&RowKey::Page(business(1)));
    let problem = get(&api(memory, options()), "/v1/businesses/b-1").await.problem(500, "internal");
    assert_eq!(problem.detail, None, "what the store says is not for clients");
}

#[tokio::test]
async fn businesses_come_in_the_order_asked() {
    let memory = Memory::world();
    (2..=5).for_each(|number| memory.put_business(number));
    memory.remove_business(3);
    memory.put(&RowKey::Reference("old".into()), 900, ReferenceRow::Moved { slug: "b-5".into() }.to_body());
    let api = api(memory, options());
    let path = format!("/v1/businesses?ids=b-4,nothing,{},b-3,old,b-2&locale=de", id(1));
    let batch: BusinessBatch = get(&api, &path).await.json();
    let slugs: Vec<_> = batch.data.iter().map(|card| card.slug.as_str()).collect();
    assert_eq!(slugs, ["b-4", "b-1", "b-5", "b-2"]);
    assert_eq!(batch.missing, ["nothing", "b-3"]);
    let batch: BusinessBatch = get(&api, "/v1/businesses?ids=no%22%0Ane").await.json();
    assert_eq!((batch.data.len(), batch.missing), (0, vec!["no\"\nne".to_owned()]));
}

#[tokio::test]
async fn at_most_a_hundred_businesses_are_asked_for() {
    let api = api(Memory::world(), options());
    let ids = |count: usize| format!("/v1/businesses?ids={}", vec!["b-1"; count].join(","));
    let batch: BusinessBatch = get(&api, &ids(100)).await.json();
    assert_eq!(batch.data.len(), 100);
    for path in [&ids(101), "/v1/businesses?ids=", "/v1/businesses?ids=b-1,,b-2"] {
        let problem = get(&api, path).await.problem(400, "invalid_parameters");
        assert_eq!(problem.errors[0].pointer, "?ids");
    }
    let problem = get(&api, "/v1/businesses?ids=b-1&sort=best&cursor=x&limit=1").await;
    let pointers: Vec<_> = problem.problem(400, "invalid_parameters").errors.into_iter().map(|e| e.pointer).collect();
    assert_eq!(pointers, ["?sort", "?cursor", "?limit"]);
}

#[tokio::test]
async fn a_broken_store_is_a_problem_without_its_secrets() {
    let memory = Memory::world();
    *memory.broken.lock().unwrap() = true;
    let answer = get(&api(memory, options()), "/v1/businesses/b-1").await;
    answer.problem(500, "internal");
    assert!(!String::from_utf8(answer.body).unwrap().contains("fire"));
}

#[tokio::test]
async fn other_methods_and_paths_are_problems() {
    let api = api(Memory::world(), options());
    let answer = send(&api, "DELETE", "/v1/businesses/b-1", &[]).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD,OPTIONS");
    get(&api, "/v1/nothing").await.problem(404, "not_found");
    get(&api, "/v1/businesses/").await.problem(404, "not_found");
}

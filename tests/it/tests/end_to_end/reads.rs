//! Reads over HTTP: validators, lists, what is linked.

use serde_json::Value;

use crate::{Mode, Town};

pub(crate) async fn a_page_that_did_not_change_is_not_sent_again(mode: Mode) {
    let town = Town::start(mode).await;
    let moe = town.register("Moe's").await;
    let page = moe.page(&town.client).await;
    let tag = page.header("etag").to_owned();
    assert!(tag.starts_with('"'), "a strong tag: {tag:?}");
    let same = town.client.get(&moe.path, &[("If-None-Match", &tag)]).await.unwrap();
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, tag.as_str()));
    assert!(!same.header("vary").is_empty() && !same.header("cache-control").is_empty());
    let other = town.client.get(&moe.path, &[("If-None-Match", "\"other\"")]).await.unwrap();
    assert_eq!((other.status, &other.body), (200, &page.body));
}

pub(crate) async fn a_list_is_walked_page_by_page(mode: Mode) {
    let town = Town::start(mode).await;
    let mut token = String::new();
    for name in ["Cellar", "attic", "Bench", "Élan", "Door"] {
        token = town.register(name).await.token;
    }
    for path in ["/v1/businesses", "/v1/categories/food/businesses", "/v1/locations/us/businesses"] {
        let (mut names, mut next) = (Vec::new(), format!("{path}?sort=name&limit=2"));
        loop {
            let answer = town.client.get(&next, &[("Lawless-Consistency", &token)]).await.unwrap();
            let page: Value = answer.json().unwrap();
            names.extend(page["data"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
            next = format!("{path}?sort=name&limit=2&cursor={cursor}");
            assert!(answer.header("link").contains("rel=\"next\""), "{}", answer.header("link"));
        }
        assert_eq!(names, ["attic", "Bench", "Cellar", "Door", "Élan"], "{path}");
    }
    let both = "/v1/categories/pizzeria/businesses?location=us";
    let both: Value = town.client.get(both, &[("Lawless-Consistency", &token)]).await.unwrap().json().unwrap();
    assert_eq!(both["data"].as_array().unwrap().len(), 5);
    let tree: Value = town.client.get("/v1/categories?locale=de", &[]).await.unwrap().json().unwrap();
    assert_eq!((tree["data"][0]["name"].as_str(), tree["data"][0]["businesses"].as_u64()), (Some("Essen"), Some(5)));
}

pub(crate) async fn what_is_not_known_is_refused_by_name(mode: Mode) {
    let town = Town::start(mode).await;
    for (path, status) in [
        ("/v1/businesses?srot=name", 400),
        ("/v1/businesses?cursor=forged", 400),
        ("/v1/businesses/nobody", 404),
        ("/v1/categories/nothing", 404),
        ("/nowhere", 404),
    ] {
        let answer = town.client.get(path, &[]).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{path}");
    }
    let problem: Value = town.client.get("/v1/businesses?srot=name", &[]).await.unwrap().json().unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "?srot");
    let foreign = [("Lawless-Consistency", "v1;00000000-0000-0000-0000-000000000001;1")];
    assert_eq!(town.client.get("/v1/categories", &foreign).await.unwrap().status, 409);
}

pub(crate) async fn the_front_page_leads_to_everything(mode: Mode) {
    let town = Town::start(mode).await;
    let front: Value = town.client.get("/", &[]).await.unwrap().json().unwrap();
    let links = front["links"].as_object().unwrap();
    for rel in ["categories", "locations", "docs", "openapi"] {
        let path = links[rel]["href"].as_str().unwrap();
        assert_eq!(town.client.get(path, &[]).await.unwrap().status, 200, "{path}");
    }
    let description: Value = town.client.get("/openapi.json", &[]).await.unwrap().json().unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(description["paths"]["/v1/businesses/{id}"]["patch"].is_object(), "both APIs are described");
    let docs = town.client.get("/docs/", &[]).await.unwrap();
    assert!(!docs.text().contains("https://"), "the page loads nothing from elsewhere");
}

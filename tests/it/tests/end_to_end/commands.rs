//! Commands over HTTP: who may send them, under which conditions, and what they answer.

use serde_json::{Value, json};

use crate::{Mode, Registered, Town};

pub(crate) async fn a_registered_business_is_shown_to_whoever_holds_its_token(mode: Mode) {
    let town = Town::start(mode).await;
    // Given a registration with everything that there is to say
    let body = json!({
        "name": "Moe's Tavern", "categories": ["pizzeria", "food"], "location": "us-il", "description": "Dim.",
        "address": {"street": "57 Walnut Street", "locality": "Springfield", "country": "US"},
        "point": {"lat": 39.78172, "lon": -89.65015}, "phone": "+1 217 555 0113", "website": "https://moes.example/",
        "opening_hours": "Mo-Su 14:00-02:00", "attributes": {"popularity": "900"},
    });
    let answer = town.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
    let moe = Registered::from(&answer);
    assert_eq!(moe.slug, "moe-s-tavern");
    // When it is read with its token
    let page = moe.page(&town.client).await;
    // Then the page is finished: names, path and time zone are in it
    let page: views::BusinessPage = page.json().unwrap();
    assert_eq!((page.name.as_str(), page.version), ("Moe's Tavern", 1));
    assert_eq!(page.categories.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Pizzeria", "Food"]);
    let location = page.location.unwrap();
    assert_eq!((location.name.as_str(), location.path[0].name.as_str()), ("Illinois", "United States"));
    assert_eq!(page.time_zone.as_deref(), Some("America/Chicago"));
    assert_eq!(page.attributes["popularity"], "900");
}

pub(crate) async fn commands_need_the_admin_key_and_reads_do_not(mode: Mode) {
    let town = Town::start(mode).await;
    let body = json!({"name": "A", "categories": ["food"]});
    for key in [None, Some("wrong"), Some("lawless_admin_0000000000000000000000000000000000000000000")] {
        let client = town.client.with_key(key);
        let answer = client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
        assert_eq!(answer.status, 401, "{key:?}");
        let problem: Value = answer.json().unwrap();
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
        assert_eq!(client.get("/v1/categories", &[]).await.unwrap().status, 200);
    }
    let key_file = town.program.data().join("admin-key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key_file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

pub(crate) async fn every_invalid_field_is_named_at_once(mode: Mode) {
    let town = Town::start(mode).await;
    let body = json!({"name": " ", "categories": [], "point": {"lat": 91, "lon": 0}, "website": "ftp://x/"});
    let answer = town.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
    assert_eq!(answer.status, 422);
    let problem: Value = answer.json().unwrap();
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/categories", "/name", "/point/lat", "/website"]);
    let answer = town.client.command("POST", "/v1/businesses", &json!({"nmae": "A"}), &[]).await.unwrap();
    assert!((400..500).contains(&answer.status), "unknown members are refused: {}", answer.text());
}

pub(crate) async fn a_repeated_command_gets_its_first_answer_again(mode: Mode) {
    let town = Town::start(mode).await;
    let body = json!({"name": "A", "categories": ["food"]});
    let key = [("Idempotency-Key", "once")];
    let first = town.client.command("POST", "/v1/businesses", &body, &key).await.unwrap();
    let again = town.client.command("POST", "/v1/businesses", &body, &key).await.unwrap();
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("lawless-consistency"), first.header("lawless-consistency"));
    let other = json!({"name": "B", "categories": ["food"]});
    let other = town.client.command("POST", "/v1/businesses", &other, &key).await.unwrap();
    assert_eq!(other.status, 422, "{}", other.text());
}

pub(crate) async fn a_change_that_was_made_on_an_old_page_is_refused(mode: Mode) {
    let town = Town::start(mode).await;
    let moe = town.register("Moe's").await;
    let change = |phone: &str, version: &'static str| {
        let (client, path, body) = (town.client.clone(), moe.path.clone(), json!({"phone": phone}));
        async move { client.command("PATCH", &path, &body, &[("If-Match", version)]).await.unwrap() }
    };
    assert_eq!(change("1", "\"v1\"").await.status, 200);
    let stale = change("2", "\"v1\"").await;
    assert_eq!(stale.status, 412, "{}", stale.text());
    let fresh = change("3", "\"v2\"").await;
    assert_eq!(fresh.json::<Value>().unwrap()["version"], 3);
    let token = fresh.header("lawless-consistency").to_owned();
    let page = town.client.get(&moe.path, &[("Lawless-Consistency", &token)]).await.unwrap();
    assert_eq!(page.json::<Value>().unwrap()["phone"], "3");
}

pub(crate) async fn a_dry_run_answers_and_leaves_nothing(mode: Mode) {
    let town = Town::start(mode).await;
    let body = json!({"name": "A", "categories": ["food"]});
    let answer = town.client.command("POST", "/v1/businesses?dry_run=true", &body, &[]).await.unwrap();
    assert_eq!((answer.status, answer.json::<Value>().unwrap()["dry_run"].clone()), (200, json!(true)));
    let next = Registered::from(&town.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap());
    assert_eq!(next.slug, "a", "the slug was not taken");
    assert!(next.token.ends_with(";5"), "after the four of the trees: {}", next.token);
}

pub(crate) async fn a_removed_business_is_gone_and_a_closed_one_says_so(mode: Mode) {
    let town = Town::start(mode).await;
    let (closed, removed) = (town.register("Closed").await, town.register("Removed").await);
    let close = town.client.command("POST", &format!("{}/close", closed.path), &json!({}), &[]).await.unwrap();
    let body = json!({"reason": "never existed"});
    let remove = town.client.command("POST", &format!("{}/remove", removed.path), &body, &[]).await.unwrap();
    assert_eq!((close.status, remove.status), (200, 200), "{} {}", close.text(), remove.text());
    let token = remove.header("lawless-consistency").to_owned();
    let get = async |path: &str| town.client.get(path, &[("Lawless-Consistency", &token)]).await.unwrap();
    assert_eq!(get(&closed.path).await.json::<Value>().unwrap()["status"], "closed");
    assert_eq!(get(&removed.path).await.status, 410);
    assert_eq!(get(&format!("/v1/businesses/{}", removed.slug)).await.status, 410);
    let list: Value = get("/v1/categories/food/businesses").await.json().unwrap();
    assert_eq!(list["data"], json!([]), "neither is listed");
    let again = town.client.command("POST", &format!("{}/close", removed.path), &json!({}), &[]).await.unwrap();
    assert_eq!(again.status, 410, "{}", again.text());
}

//! Reads that ask for too much, or show what they were not given.

use serde_json::json;

use crate::{Town, code, errors};

#[tokio::test]
async fn limits_that_are_none_are_refused() {
    let town = Town::start().await;
    for limit in ["0", "-1", "100000", "1e3", "10.0", "99999999999999999999999", "%31%30%30%30", "", "all", "%00"] {
        for path in ["/v1/businesses", "/v1/categories/food/businesses", "/v1/categories"] {
            let answer = town.get(&format!("{path}?limit={limit}")).await;
            assert_eq!((answer.status, &*code(&answer)), (400, "invalid_parameters"), "{path} {limit}");
            assert_eq!(errors(&answer)[0].0, "?limit", "{path} {limit}");
        }
    }
    let ids = ["0"; 10_000].join(",");
    let answer = town.get(&format!("/v1/businesses?ids={ids}")).await;
    assert_eq!(code(&answer), "invalid_parameters");
    assert_eq!(errors(&answer), [("?ids".to_owned(), "invalid".to_owned())]);
    town.still_serves().await;
}

#[tokio::test]
async fn cursors_that_were_not_given_here_are_refused() {
    let town = Town::start().await;
    let other = Town::start().await;
    for name in ["Bar", "Cellar", "Door"] {
        for town in [&town, &other] {
            let body = json!({"name": name, "categories": ["food"]});
            assert_eq!(town.command("POST", "/v1/businesses", &body).await.status, 201);
            town.still_serves().await;
        }
    }
    let cursor = async |town: &Town, path: &str| {
        let page = town.ask(town.head(&format!("GET {path}"), &[])).await.json().unwrap();
        page["page"]["next_cursor"].as_str().unwrap().to_owned()
    };
    let lists = ["/v1/businesses?limit=1&sort=name", "/v1/categories/food/businesses?limit=1&sort=name"];
    let own = cursor(&town, lists[0]).await;
    assert_eq!(town.get(&format!("{}&cursor={own}", lists[0])).await.status, 200);

    let mut forged: Vec<String> = (0..own.len()).map(|end| own[..end].to_owned()).collect();
    forged.extend((0..own.len()).map(|at| {
        let mut bytes = own.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    }));
    forged.extend([cursor(&other, lists[0]).await, cursor(&town, lists[1]).await]);
    forged.extend([format!("{own}A"), format!("{own}{own}"), "A".repeat(20_000), "%00".to_owned(), "../..".to_owned()]);
    let mut wire = town.wire().await;
    for cursor in forged.iter().filter(|cursor| **cursor != own) {
        let path = format!("GET {}&cursor={cursor} HTTP/1.1\r\nHost: here\r\n\r\n", lists[0]);
        wire.send(path).await.unwrap();
        let answer = wire.receive().await.unwrap();
        assert_eq!((answer.status, &*code(&answer)), (400, "invalid_cursor"), "{cursor}");
    }
    let elsewhere = town.get(&format!("/v1/businesses?limit=1&sort=best&cursor={own}")).await;
    assert_eq!(code(&elsewhere), "invalid_cursor", "of another order of the same list");
    town.still_serves().await;
}

#[tokio::test]
async fn tokens_that_were_not_given_here_are_refused_and_no_wait_is_long() {
    let town = Town::start().await;
    let registered = town.command("POST", "/v1/businesses", &json!({"name": "Bar", "categories": ["food"]})).await;
    let token = registered.header("lawless-consistency").to_owned();
    let journal = token.split(';').nth(1).unwrap();
    let read = async |token: &str| {
        town.ask(format!("GET /v1/categories HTTP/1.1\r\nHost: here\r\nLawless-Consistency: {token}\r\n\r\n")).await
    };
    assert_eq!(read(&token).await.status, 200);
    for (token, expected) in [
        (format!("v1;{journal};-1"), "invalid_token"),
        (format!("v1;{journal};99999999999999999999"), "invalid_token"),
        (format!("v2;{journal};1"), "invalid_token"),
        (format!("{token}\r\nLawless-Consistency: {token}"), "invalid_token"),
        ("x".repeat(20_000), "invalid_token"),
        (String::new(), "invalid_token"),
        ("v1;00000000-0000-0000-0000-000000000001;1".to_owned(), "foreign_token"),
    ] {
        assert_eq!(code(&read(&token).await), expected, "{token:.80}");
    }
    let far = read(&format!("v1;{journal};18446744073709551615")).await;
    assert_eq!((far.status, far.header("lawless-stale")), (200, "?1"));
    town.still_serves().await;
}

//! JSON that is not what it seems.

use serde_json::json;

use crate::{Town, code, errors};

const REGISTER: &str = "POST /v1/businesses";

/// A registration with this member, the last of it, as it stands.
fn with(member: &str) -> String {
    format!(r#"{{"name": "Moe's", "categories": ["food"], {member}}}"#)
}

#[tokio::test]
async fn what_stands_twice_is_refused_wherever_it_stands() {
    let town = Town::start().await;
    let moes = town.command("POST", "/v1/businesses", &json!({"name": "Moe's", "categories": ["food"]})).await;
    let moes = format!("/v1/businesses/{}", moes.json().unwrap()["id"].as_str().unwrap());
    let names = r#""names": {"en": "Bar"}"#;
    for (line, body, pointer) in [
        (REGISTER.to_owned(), with(r#""name": "Other""#), "/name"),
        (REGISTER.to_owned(), with(r#""n\u0061me": "Other""#), "/name"),
        (REGISTER.to_owned(), with(r#""address": {"street": "1", "street": "2"}"#), "/address/street"),
        (REGISTER.to_owned(), with(r#""point": {"lat": 1, "lon": 2, "lat": 3}"#), "/point/lat"),
        (REGISTER.to_owned(), with(r#""attributes": {"wifi": "yes", "wifi": "no"}"#), "/attributes/wifi"),
        (
            REGISTER.to_owned(),
            with(r#""source": {"system": "a", "external_id": "1", "external_id": "2"}"#),
            "/source/external_id",
        ),
        (format!("PATCH {moes}"), r#"{"phone": "1", "phone": null}"#.to_owned(), "/phone"),
        (format!("PATCH {moes}"), r#"{"attributes": {"a": "1", "a": null}}"#.to_owned(), "/attributes/a"),
        (format!("POST {moes}/relocate"), r#"{"point": {"lat": 1, "lon": 2}, "point": null}"#.to_owned(), "/point"),
        (
            format!("POST {moes}/recategorize"),
            r#"{"categories": ["food"], "categories": []}"#.to_owned(),
            "/categories",
        ),
        (format!("POST {moes}/close"), r#"{"reason": "a", "reason": "b"}"#.to_owned(), "/reason"),
        (format!("POST {moes}/remove"), r#"{"reason": "a", "reason": "b"}"#.to_owned(), "/reason"),
        ("PUT /v1/categories/bar".to_owned(), format!("{{{names}, {names}}}"), "/names"),
        ("PUT /v1/categories/bar".to_owned(), r#"{"names": {"en": "A", "en": "B"}}"#.to_owned(), "/names/en"),
        ("PUT /v1/locations/us".to_owned(), format!("{{{names}, \"kind\": \"country\", {names}}}"), "/names"),
    ] {
        let answer = town.command_of(&line, body.as_bytes()).await;
        assert_eq!((answer.status, &*code(&answer)), (400, "malformed_request"), "{line} {body}");
        assert_eq!(errors(&answer), [(pointer.to_owned(), "duplicate_member".to_owned())], "{line} {body}");
    }
    // In a batch: of the line, and of the body in it.
    let lines = [
        r#"{"command": "close_business", "command": "remove_business", "id": "x", "body": {}}"#,
        r#"{"command": "register_business", "body": {"name": "A", "categories": ["food"]}, "body": {}}"#,
        r#"{"command": "register_business", "body": {"name": "A", "point": {"lat": 1, "lat": 2}}}"#,
    ];
    let text = lines.join("\n");
    let length = format!("Content-Length: {}", text.len());
    let head = town.head("POST /v1/commands:batch", &["Content-Type: application/x-ndjson", &length]);
    let results = String::from_utf8(town.ask(head + &text).await.body).unwrap();
    let results: Vec<serde_json::Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pointers: Vec<_> = results.iter().map(|result| result["problem"]["errors"][0]["pointer"].as_str()).collect();
    assert_eq!(pointers, [Some("/command"), Some("/body"), Some("/body/point/lat")], "{results:?}");
    town.still_serves().await;
}

#[tokio::test]
async fn what_is_nested_without_end_or_is_no_text_or_no_number_is_refused() {
    let town = Town::start().await;
    let deep = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let (arrays, objects) = (deep("[", "]", 100_000), deep(r#"{"a":"#, "}", 40_000));
    for body in [
        arrays.clone(),
        "[".repeat(200_000),
        objects.clone(),
        with(&format!(r#""attributes": {objects}"#)),
        with(&format!(r#""attributes": {{"a": {arrays}}}"#)),
        with(&format!(r#""point": {arrays}"#)),
        with(&format!(r#""no_member": {arrays}"#)),
        with(r#""point": {"lat": 1e999999, "lon": 1}"#),
        with(&format!(r#""point": {{"lat": {}, "lon": 1}}"#, "9".repeat(100_000))),
        with(r#""point": {"lat": NaN, "lon": 1}"#),
        with(r#""phone": "\ud800""#),
        with(r#""phone": "\udc00\ud800""#),
        with("\"phone\": \"a\u{0}b\""),
        with(r#""phone": 12"#),
        format!("{}{}", with(r#""phone": "1""#), with(r#""phone": "2""#)),
        String::new(),
        "null".to_owned(),
        format!("\u{feff}{}", with(r#""phone": "1""#)),
    ] {
        let answer = town.command_of(REGISTER, body.as_bytes()).await;
        let start: String = body.chars().take(90).collect();
        assert_eq!((answer.status, &*code(&answer)), (400, "malformed_request"), "{start}");
        assert_eq!(errors(&answer).len(), 1, "{start}");
        assert!(answer.body.len() < 2_000, "{start}: an answer does not repeat what it was sent");
    }
    // Not UTF-8: by byte, overlong, a surrogate, UTF-16.
    let utf_16: Vec<u8> = with(r#""phone": "1""#).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bad: [&[u8]; 5] = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"];
    let spoiled = bad.map(|bytes| [b"{\"name\": \"", bytes, b"\", \"categories\": [\"food\"]}"].concat());
    for body in spoiled.iter().chain([&utf_16]) {
        let answer = town.command_of(REGISTER, body).await;
        assert_eq!((answer.status, &*code(&answer)), (400, "malformed_request"), "{body:?}");
        assert_eq!(errors(&answer)[0].1, "syntax", "{body:?}");
    }
    // As a line of a batch, and as the body in one.
    let lines = format!("{arrays}\n{{\"command\": \"register_business\", \"body\": {arrays}}}\n");
    let length = format!("Content-Length: {}", lines.len());
    let head = town.head("POST /v1/commands:batch", &["Content-Type: application/x-ndjson", &length]);
    let answer = town.ask(head + &lines).await;
    assert_eq!(String::from_utf8(answer.body).unwrap().matches(r#""status":400,"problem""#).count(), 2);
    town.still_serves().await;
}

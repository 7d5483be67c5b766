//! Request lines and headers that are not what they should be.

use serde_json::json;

use crate::{Town, code, errors};

/// A request without the key whose first line is this.
fn request(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: here\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_by_the_name_of_what_they_stand_in() {
    let town = Town::start().await;
    assert_eq!(code(&town.get("/v1/businesses/%ff").await), "invalid_path");
    assert_eq!(code(&town.get("/v1/categories/%C0%AF/businesses").await), "invalid_path");
    for query in ["locale=%ff", "locale=%zz", "locale=%e"] {
        let answer = town.get(&format!("/v1/categories?{query}")).await;
        assert_eq!(code(&answer), "invalid_parameters");
        assert_eq!(errors(&answer), [("?locale".to_owned(), "invalid_encoding".to_owned())], "{query}");
    }
    let spoiled = |line: &str, name: &str| {
        let head = town.head(line, &["Content-Type: application/json", "Content-Length: 2", &format!("{name}: @")]);
        let head = if name == "Authorization" { head.replacen("Authorization", "X-Nothing", 1) } else { head };
        let head = if name == "Content-Type" { head.replacen("Content-Type", "X-Nothing", 1) } else { head };
        let bytes = format!("{head}{{}}").into_bytes();
        bytes.into_iter().map(|byte| if byte == b'@' { 0xff } else { byte }).collect::<Vec<u8>>()
    };
    for (line, name, expected) in [
        ("GET /v1/categories", "Lawless-Consistency", "invalid_token"),
        ("POST /v1/businesses", "Authorization", "unauthorized"),
        ("POST /v1/businesses", "Content-Type", "unsupported_media_type"),
        ("POST /v1/businesses", "Idempotency-Key", "malformed_request"),
        ("POST /v1/businesses", "If-Match", "malformed_request"),
        ("POST /v1/businesses", "If-None-Match", "malformed_request"),
        ("POST /v1/businesses", "X-Request-Id", "validation_failed"),
    ] {
        let answer = town.ask(spoiled(line, name)).await;
        assert_eq!(code(&answer), expected, "{name}");
        if expected == "malformed_request" {
            assert_eq!(errors(&answer)[0].0, name);
        }
    }
    for name in ["Accept", "If-None-Match", "Accept-Language", "User-Agent", "X-Request-Id"] {
        let bytes = format!("GET /v1/categories HTTP/1.1\r\nHost: here\r\n{name}: @\r\n\r\n").into_bytes();
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'@' { 0xff } else { byte }).collect();
        assert_eq!(town.ask(bytes).await.status, 200, "{name}");
    }
    town.still_serves().await;
}

#[tokio::test]
async fn nothing_that_a_client_says_becomes_a_header() {
    let town = Town::start().await;
    let moes = town.command("POST", "/v1/businesses", &json!({"name": "Moe's", "categories": ["food"]})).await;
    let (id, slug) = (moes.json().unwrap()["id"].clone(), moes.json().unwrap()["slug"].clone());
    let (id, slug) = (id.as_str().unwrap(), slug.as_str().unwrap());
    let changed = town.command("PATCH", &format!("/v1/businesses/{id}"), &json!({"slug": "elsewhere"})).await;
    let token = format!("Lawless-Consistency: {}", changed.header("lawless-consistency"));
    let evil = "%0d%0aX-Evil:%20yes%0d%0a%0d%0aHTTP/1.1%20200%20OK";
    for path in [
        format!("/v1/businesses/{slug}?locale={evil}"),
        format!("/v1/businesses/{slug}?locale=de&x={evil}"),
        format!("/v1/businesses/{slug}"),
        format!("/v1/businesses/{evil}"),
        format!("/v1/businesses/{slug}{evil}"),
        format!("/v1/categories/food/businesses?limit=1&locale={evil}"),
        format!("/v1/categories/{evil}/businesses?limit=1"),
        format!("/v1/businesses?limit=1&cursor={evil}"),
        format!("/{evil}"),
        format!("/docs/{evil}"),
    ] {
        let answer = town.ask(town.head(&format!("GET {path}"), &[&token])).await;
        assert!(!answer.headers.contains_key("x-evil"), "{path}: {answer:?}");
        assert!((300..500).contains(&answer.status), "{path}: {answer:?}");
        if answer.status == 308 {
            assert_eq!(answer.header("location").split('?').next(), Some("/v1/businesses/elsewhere"), "{path}");
        }
    }
    // Ends of lines that are not percent-encoded: the parser ends the header there, or refuses it.
    let ids = ["a\rX-Evil: yes", "a\nX-Evil: yes", "a\r\n X-Evil: yes", "a\0b", "<script>"];
    for id in ids {
        let head = format!("GET /v1/nowhere HTTP/1.1\r\nHost: here\r\nX-Request-Id: {id}\r\n\r\n");
        let answer = town.ask(head).await;
        assert!(!answer.headers.contains_key("x-evil"), "{id:?}: {answer:?}");
        assert!([400, 404].contains(&answer.status), "{id:?}: {answer:?}");
        assert!(!answer.header("x-request-id").contains("script"));
    }
    town.still_serves().await;
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_kept() {
    let town = Town::start().await;
    let long = |bytes: usize| "a".repeat(bytes);
    // As much as a head may have: understood, and refused for what it says.
    assert_eq!(code(&town.get(&format!("/v1/businesses/{}", long(8_000))).await), "not_found");
    assert_eq!(code(&town.get(&format!("/{}", "a/".repeat(4_000))).await), "not_found");
    let many = "a=1&".repeat(5_000);
    let answer = town.get(&format!("/v1/categories?{many}")).await;
    assert_eq!(code(&answer), "invalid_parameters");
    assert!(answer.body.len() < 10_000, "{} bytes", answer.body.len());
    let key = town.head("POST /v1/businesses", &[&format!("Idempotency-Key: {}", long(20_000))]);
    assert_eq!(code(&town.ask(key).await), "malformed_request");
    // More than that.
    let headers: String = (0..2_000).map(|number| format!("X-{number}: 1\r\n")).collect();
    for head in [
        format!("GET /v1/businesses/{} HTTP/1.1\r\nHost: here\r\n\r\n", long(100_000)),
        format!("GET /v1/categories?{} HTTP/1.1\r\nHost: here\r\n\r\n", long(1_000_000)),
        format!("GET /v1/categories HTTP/1.1\r\nHost: here\r\nX-Long: {}\r\n\r\n", long(100_000)),
        format!("GET /v1/categories HTTP/1.1\r\nHost: here\r\n{headers}\r\n"),
        long(1_000_000),
    ] {
        let mut wire = town.wire().await;
        // It may be cut off while it is sent.
        let sent = wire.send(&head).await;
        match wire.receive().await {
            Ok(answer) => assert!([400, 414, 431].contains(&answer.status), "{head:.60}: {answer:?}"),
            Err(_) => assert!(sent.is_err() || head.len() > 32_768, "{head:.60}"),
        }
        assert!(wire.is_closed().await, "{head:.60}");
    }
    town.still_serves().await;
}

#[tokio::test]
async fn methods_and_versions_that_are_not_spoken_here_are_refused() {
    let town = Town::start().await;
    for (method, path) in
        [("BREW", "/v1/businesses"), ("TRACE", "/v1/categories"), ("get", "/v1/categories"), ("PROPFIND", "/")]
    {
        let answer = town.ask(request(&format!("{method} {path} HTTP/1.1"))).await;
        assert_eq!((answer.status, &*code(&answer)), (405, "method_not_allowed"), "{method} {path}");
        assert!(answer.header("allow").contains("GET"), "{method} {path}: {answer:?}");
    }
    // What asks for a way through, or for the whole server, or for another one.
    for line in ["CONNECT example.org:443 HTTP/1.1", "OPTIONS * HTTP/1.1", "BREW /nowhere HTTP/1.1"] {
        let answer = town.ask(request(line)).await;
        assert!([404, 405].contains(&answer.status), "{line}: {answer:?}");
        code(&answer);
    }
    for line in ["GET http://example.org/v1/categories HTTP/1.1", "GET /v1/categories HTTP/1.0"] {
        assert_eq!(town.ask(request(line)).await.status, 200, "{line}");
    }
    // HTTP/1.0 has no connections that stay, and needs no host.
    let mut wire = town.wire().await;
    wire.send("GET /v1/categories HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(wire.receive().await.unwrap().status, 200);
    assert!(wire.is_closed().await);
    for bytes in [
        &b"GET /v1/categories\r\n\r\n"[..],
        b"GET /v1/categories HTTP/9.9\r\n\r\n",
        b"GET  /v1/categories HTTP/1.1\r\n\r\n",
        b"G@T /v1/categories HTTP/1.1\r\n\r\n",
        b"GET /v1/categor\xff\xfes HTTP/1.1\r\nHost: here\r\n\r\n\xff",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET /v1/categories HTTP/1.1\r\nHost here\r\n\r\n",
        b"GET /v1/categories HTTP/1.1\r\nHo st: here\r\n\r\n",
        // The first bytes of TLS, of SSH, and of an HTTP/2 that is none.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let mut wire = town.wire().await;
        wire.send(bytes).await.unwrap();
        wire.end().await.unwrap();
        while let Ok(answer) = wire.receive().await {
            assert!((400..500).contains(&answer.status), "{:?}: {answer:?}", String::from_utf8_lossy(bytes));
        }
    }
    town.still_serves().await;
}

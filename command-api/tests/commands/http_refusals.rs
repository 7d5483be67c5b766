//! Every refusal is a problem that says where.

use command_api::AdminKeyFile;
use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn given_no_key_or_a_wrong_one_when_commanded_then_401_and_nothing_else_is_told() {
    let server = Server::start().await;
    let head = server.directory.head().await;
    let bearer = format!("Bearer {}", server.key);
    let basic = format!("Basic {}", server.key);
    let cut = format!("Bearer {}", &server.key[..server.key.len() - 1]);
    let other = Server::start().await;
    let wrong = format!("Bearer {}", other.key);
    let endpoints = [
        ("POST", "/v1/businesses"),
        ("PATCH", "/v1/businesses/x"),
        ("POST", "/v1/businesses/x/relocate"),
        ("POST", "/v1/businesses/x/recategorize"),
        ("POST", "/v1/businesses/x/close"),
        ("POST", "/v1/businesses/x/remove"),
        ("PUT", "/v1/categories/x"),
        ("PUT", "/v1/locations/x"),
        ("PUT", "/v1/sources/x/businesses/x"),
        ("POST", "/v1/commands:batch"),
    ];
    for (method, path) in endpoints {
        for headers in [
            vec![],
            vec![("authorization", "")],
            vec![("authorization", "Bearer")],
            vec![("authorization", &*basic)],
            vec![("authorization", &*cut)],
            vec![("authorization", &*wrong)],
            vec![("x-api-key", "")],
            vec![("x-api-key", &*bearer)],
            vec![("x-api-key", &*other.key)],
            vec![("authorization", &*wrong), ("x-api-key", &*server.key)],
        ] {
            let answer = server.send_raw(method, path, &headers, "{").await;
            assert_eq!((answer.status.as_u16(), answer.code()), (401, "unauthorized"), "{method} {path} {headers:?}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
            assert!(!answer.body.to_string().contains(&server.key[20..40]));
        }
        for headers in [vec![("authorization", &*bearer)], vec![("x-api-key", &*server.key)]] {
            let answer = server.send_raw(method, path, &headers, "{").await;
            assert_ne!(answer.status.as_u16(), 401, "{method} {path}");
        }
    }
    assert_eq!(server.directory.head().await, head);
}

#[tokio::test]
async fn given_a_rotated_key_when_commanded_then_only_the_new_one_holds() {
    let mut server = Server::start().await;
    server.moes().await;
    let new = AdminKeyFile::rotate(server.directory.folder.path().join("admin.key")).unwrap();
    let refused = server.send("POST", "/v1/businesses", &[], json!({"name": "A", "categories": ["bar"]})).await;
    assert_eq!(refused.status.as_u16(), 401);
    server.key = new;
    let accepted = server.send("POST", "/v1/businesses", &[], json!({"name": "A", "categories": ["bar"]})).await;
    assert_eq!(accepted.status.as_u16(), 201);
    std::fs::remove_file(server.directory.folder.path().join("admin.key")).unwrap();
    let unavailable = server.send("POST", "/v1/businesses", &[], json!({})).await;
    assert_eq!((unavailable.status.as_u16(), unavailable.code()), (503, "unavailable"));
    assert_eq!(unavailable.header("retry-after"), "1");
    assert_eq!(unavailable.body["retryable"], true);
}

#[tokio::test]
async fn given_many_invalid_fields_when_registered_then_all_are_told_at_once() {
    let server = Server::start().await;
    let mut attributes = json!({"popularity": "1000001", "Bad Key": "x", "a/b~c": "x", "fine": "x", "blank": " "});
    attributes["long"] = json!("x".repeat(501));
    let body = json!({
        "slug": "Not A Slug",
        "name": "",
        "description": "bell \u{7}",
        "categories": ["bar", "bar"],
        "primary_category": "pizza",
        "location": "US",
        "address": {"street": "x".repeat(201), "country": "us", "locality": "a\nb"},
        "point": {"lat": 90.5, "lon": -180.5},
        "time_zone": "not a zone",
        "phone": "x".repeat(41),
        "email": "nobody",
        "website": "ftp://x.example",
        "opening_hours": "",
        "attributes": attributes,
        "source": {"system": "O S M", "external_id": ""}
    });
    let answer = server.send("POST", "/v1/businesses", &[], body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "validation_failed"));
    let expected = [
        ("/address/country", "invalid"),
        ("/address/locality", "control_character"),
        ("/address/street", "too_long"),
        ("/attributes/Bad Key", "invalid"),
        ("/attributes/a~1b~0c", "invalid"),
        ("/attributes/blank", "required"),
        ("/attributes/long", "too_long"),
        ("/attributes/popularity", "out_of_range"),
        ("/categories", "duplicate"),
        ("/description", "control_character"),
        ("/email", "invalid"),
        ("/location", "invalid"),
        ("/name", "required"),
        ("/opening_hours", "required"),
        ("/phone", "too_long"),
        ("/point/lat", "out_of_range"),
        ("/point/lon", "out_of_range"),
        ("/primary_category", "invalid"),
        ("/slug", "invalid"),
        ("/source/external_id", "required"),
        ("/source/system", "invalid"),
        ("/time_zone", "invalid"),
        ("/website", "invalid"),
    ];
    assert_eq!(answer.errors(), expected);
}

#[tokio::test]
async fn given_one_field_at_its_edge_when_registered_then_the_limit_is_where_it_is_said_to_be() {
    let server = Server::start().await;
    let register = |extra: Value| {
        let mut body = json!({"name": "Moe's", "categories": ["bar"]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.send("POST", "/v1/businesses?dry_run=true", &[], body)
    };
    let many = |count: usize| (0..count).map(|i| (format!("k{i}"), json!("x"))).collect::<serde_json::Map<_, _>>();
    let address = |length: usize| format!("http://x.example/{}", "a".repeat(length - 17));
    let comment = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    for (fine, bad, pointer) in [
        (json!({"name": "ü".repeat(200)}), json!({"name": "ü".repeat(201)}), "/name"),
        (json!({"description": "a\nb"}), json!({"description": "x".repeat(5001)}), "/description"),
        (json!({"phone": "x".repeat(40)}), json!({"phone": "a\tb"}), "/phone"),
        (json!({"website": address(2000)}), json!({"website": address(2001)}), "/website"),
        (json!({"website": "https://x.example"}), json!({"website": "https://me:pw@x.example"}), "/website"),
        (json!({"website": "https://x.example"}), json!({"website": "https://me@x.example"}), "/website"),
        (json!({"website": null}), json!({"website": "javascript:alert(1)"}), "/website"),
        (json!({"opening_hours": comment(500)}), json!({"opening_hours": comment(501)}), "/opening_hours"),
        (json!({"opening_hours": "Mo-Fr 9:00-17:00"}), json!({"opening_hours": "Mo-Fr 9-17"}), "/opening_hours"),
        (json!({"attributes": many(50)}), json!({"attributes": many(51)}), "/attributes"),
        (
            json!({"attributes": {"popularity": "0"}}),
            json!({"attributes": {"popularity": "-1"}}),
            "/attributes/popularity",
        ),
        (
            json!({"attributes": {"popularity": "7"}}),
            json!({"attributes": {"popularity": "+7"}}),
            "/attributes/popularity",
        ),
        (json!({"slug": "a".repeat(80)}), json!({"slug": "a".repeat(81)}), "/slug"),
        (json!({"slug": "searching"}), json!({"slug": "search"}), "/slug"),
        (json!({"slug": "by"}), json!({"slug": "01902d3e-7a1b-7c3d-8e4f-0123456789ab"}), "/slug"),
        (json!({"address": {"country": "DE"}}), json!({"address": {"country": "XX"}}), "/address/country"),
        (json!({"point": {"lat": -90, "lon": 180}}), json!({"point": {"lat": 0, "lon": 181}}), "/point/lon"),
        (json!({"email": "a@b.example"}), json!({"email": "a@b@c"}), "/email"),
        (json!({"time_zone": "Europe/Berlin"}), json!({"time_zone": "Europe/Nowhere"}), "/time_zone"),
    ] {
        assert_eq!(register(fine.clone()).await.status.as_u16(), 200, "{fine}");
        let refused = register(bad.clone()).await;
        assert_eq!(refused.status.as_u16(), 422, "{bad}");
        assert_eq!(refused.errors().iter().map(|(pointer, _)| *pointer).collect::<Vec<_>>(), [pointer], "{bad}");
    }
}

#[tokio::test]
async fn given_opening_hours_that_cannot_be_read_then_the_refusal_names_the_character() {
    let server = Server::start().await;
    for (hours, place) in [
        ("Mo-Fr 09:00-17:00 \"spät\"; Sonntag 10:00-12:00", "character 27 "),
        ("Mo-Fr 09:00-", "character 13 "),
        ("week 40-10", "character 6 "),
        // It would take the grammar longer than the age of the earth.
        (&["Jan Su[1]"; 45].join(","), "too complicated"),
    ] {
        let body = json!({"name": "Moe's", "categories": ["bar"], "opening_hours": hours});
        let registered = server.send("POST", "/v1/businesses", &[], body).await;
        let change = json!({"opening_hours": hours});
        let id = uuid::Uuid::nil();
        let changed = server.send("PATCH", &format!("/v1/businesses/{id}"), &[], change).await;
        for answer in [registered, changed] {
            assert_eq!((answer.status.as_u16(), answer.code()), (422, "validation_failed"), "{hours}");
            assert_eq!(answer.errors(), [("/opening_hours", "syntax")]);
            let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
            assert!(detail.contains(place), "{detail}");
        }
    }
}

#[tokio::test]
async fn given_names_of_a_node_when_they_are_wrong_then_each_is_told() {
    let server = Server::start().await;
    let many: serde_json::Map<_, _> = (0..51).map(|i| (format!("x-{i:02}"), json!("x"))).collect();
    for (path, names, expected) in [
        ("/v1/categories/ok", json!({}), vec![("/names", "required")]),
        (
            "/v1/categories/ok",
            json!({"en_US": "x", "de": ""}),
            vec![("/names/de", "required"), ("/names/en_US", "invalid")],
        ),
        ("/v1/categories/ok", json!({"en": "a\u{0}b"}), vec![("/names/en", "control_character")]),
        ("/v1/categories/Not-Ok", json!({"en": "x"}), vec![("{slug}", "invalid")]),
        (
            "/v1/categories/ok",
            json!(many.into_iter().map(|(k, v)| (k.replace("x-", "en-x"), v)).collect::<serde_json::Map<_, _>>()),
            vec![("/names", "too_many")],
        ),
    ] {
        let answer = server.send("PUT", path, &[], json!({ "names": names })).await;
        assert_eq!((answer.status.as_u16(), answer.errors()), (422, expected), "{names}");
    }
}

#[tokio::test]
async fn given_json_that_is_none_of_ours_when_sent_then_the_place_is_told() {
    let server = Server::start().await;
    let authorization = format!("Bearer {}", server.key);
    let headers = [("authorization", &*authorization), ("content-type", "application/json; charset=utf-8")];
    let deep = format!("{{\"name\": {}1{}}}", "[".repeat(200), "]".repeat(200));
    for (body, pointer, code) in [
        ("", "", "syntax"),
        ("{", "", "syntax"),
        ("[]", "", "wrong_type"),
        (r#"{"point": [39.8, -89.6]}"#, "/point", "wrong_type"),
        (r#"{"address": ["57 Walnut Street"]}"#, "/address", "wrong_type"),
        ("{} {}", "", "syntax"),
        (r#"{"name": 5}"#, "/name", "wrong_type"),
        (r#"{"name": null}"#, "/name", "wrong_type"),
        (r#"{"name": "a", "categories": ["bar", 7]}"#, "/categories/1", "wrong_type"),
        (r#"{"address": {"street": {}}}"#, "/address/street", "wrong_type"),
        (r#"{"address": {"planet": "earth"}}"#, "/address/planet", "unknown_member"),
        (r#"{"nmae": "a"}"#, "/nmae", "unknown_member"),
        (r#"{"name": "a", "name": "b"}"#, "/name", "duplicate_member"),
        (r#"{"attributes": {"a": "1", "a": "2"}}"#, "/attributes/a", "duplicate_member"),
        (r#"{"attributes": {"\"~`": "1", "\"~`": "2"}}"#, "/attributes/\"~0`", "duplicate_member"),
        (r#"{"a`b": 1}"#, "/a`b", "unknown_member"),
        (r#"{"point": {"lat": 1}}"#, "/point/lon", "required"),
        (r#"{"point": {"lat": NaN, "lon": 1}}"#, "/point/lat", "syntax"),
        (&deep, "/name", "wrong_type"),
    ] {
        let answer = server.send_raw("POST", "/v1/businesses", &headers, body.to_owned()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "malformed_request"), "{body:.60}: {}", answer.body);
        assert_eq!(answer.errors(), [(pointer, code)], "{body:.60}: {}", answer.body);
    }
    let null = r#"{"name": null}"#;
    let answer = server.send_raw("PATCH", &format!("/v1/businesses/{}", server.moes().await), &headers, null).await;
    assert_eq!((answer.status.as_u16(), answer.errors()), (400, vec![("/name", "wrong_type")]), "a name stays");
}

#[tokio::test]
async fn given_a_body_that_is_not_json_or_too_large_when_sent_then_415_and_413() {
    let server = Server::start().await;
    let authorization = format!("Bearer {}", server.key);
    let body = r#"{"name": "Moe's", "categories": ["bar"]}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let headers = [("authorization", &*authorization), ("content-type", content_type)];
        let answer = server.send_raw("POST", "/v1/businesses", &headers, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (415, "unsupported_media_type"), "{content_type}");
    }
    let answer = server.send_raw("POST", "/v1/businesses", &[("authorization", &*authorization)], body).await;
    assert_eq!(answer.status.as_u16(), 415);
    for (padding, status) in [(command_api::MAX_BODY_BYTES - body.len(), 201), (command_api::MAX_BODY_BYTES, 413)] {
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        let body = format!("{body}{}", " ".repeat(padding));
        let answer = server.send_raw("POST", "/v1/businesses", &headers, body).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.code(), if status == 413 { "payload_too_large" } else { "" });
    }
}

#[tokio::test]
async fn given_parameters_and_headers_when_malformed_then_400_names_them() {
    let server = Server::start().await;
    let body = || json!({"name": "Moe's", "categories": ["bar"]});
    for (query, code, pointers) in [
        ("?dryrun=true&x=1", "unknown_parameter", vec!["?dryrun", "?x"]),
        ("?dry_run=yes", "malformed_request", vec!["?dry_run"]),
        ("?dry_run=true&dry_run=true", "malformed_request", vec!["?dry_run"]),
    ] {
        let answer = server.send("POST", &format!("/v1/businesses{query}"), &[], body()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, code), "{query}");
        assert_eq!(answer.errors().iter().map(|(pointer, _)| *pointer).collect::<Vec<_>>(), pointers, "{query}");
    }
    let long = "k".repeat(256);
    for (name, value, pointer) in [
        ("idempotency-key", "", "Idempotency-Key"),
        ("idempotency-key", "a b", "Idempotency-Key"),
        ("idempotency-key", "ü", "Idempotency-Key"),
        ("idempotency-key", &*long, "Idempotency-Key"),
        ("if-match", "v1", "If-Match"),
        ("if-match", "W/\"v1\"", "If-Match"),
        ("if-match", "\"v1\", \"v2\"", "If-Match"),
        ("if-match", "\"v\"", "If-Match"),
        ("if-match", "\"v-1\"", "If-Match"),
        ("if-match", "\"v99999999999999999999\"", "If-Match"),
    ] {
        let answer = server.send("POST", "/v1/businesses", &[(name, value)], body()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "malformed_request"), "{name}: {value}");
        assert_eq!(answer.errors(), [(pointer, "invalid")], "{name}: {value}");
    }
}

#[tokio::test]
async fn given_refusals_when_sent_then_each_has_its_code() {
    let server = Server::start().await;
    let id = server.moes().await;
    let at = |rest: &str| format!("/v1/businesses/{id}{rest}");
    let nobody = "/v1/businesses/01902d3e-7a1b-7c3d-8e4f-0123456789ab";
    let source = json!({"system": "osm", "external_id": "node/1"});
    let sourced = json!({"name": "A", "categories": ["bar"], "source": source});
    server.send("POST", "/v1/businesses", &[], sourced.clone()).await;
    let refusals = [
        ("PATCH", nobody.to_owned(), json!({"phone": "1"}), 404, "business_not_found", vec![]),
        ("PATCH", "/v1/businesses/moe-s".to_owned(), json!({"phone": "1"}), 404, "business_not_found", vec![]),
        (
            "POST",
            "/v1/businesses".to_owned(),
            json!({"name": "B", "slug": "moe-s", "categories": ["bar"]}),
            409,
            "slug_taken",
            vec!["/slug"],
        ),
        ("POST", "/v1/businesses".to_owned(), sourced, 409, "source_taken", vec!["/source/external_id"]),
        (
            "POST",
            "/v1/businesses".to_owned(),
            json!({"name": "B", "categories": ["zoo"]}),
            422,
            "category_not_found",
            vec!["/categories/0"],
        ),
        ("POST", at("/relocate"), json!({"location": "atlantis"}), 422, "location_not_found", vec!["/location"]),
        (
            "PUT",
            "/v1/categories/bar".to_owned(),
            json!({"parent": "pizza", "names": {"en": "x"}}),
            409,
            "parent_fixed",
            vec![],
        ),
        (
            "PUT",
            "/v1/locations/x".to_owned(),
            json!({"kind": "city", "parent": "nowhere", "names": {"en": "x"}}),
            422,
            "location_not_found",
            vec!["/parent"],
        ),
        (
            "PUT",
            "/v1/locations/x".to_owned(),
            json!({"kind": "planet", "names": {"en": "x"}}),
            400,
            "malformed_request",
            vec!["/kind"],
        ),
        (
            "PUT",
            "/v1/sources/osm/businesses/2".to_owned(),
            json!({"name": "A", "categories": ["bar"], "source": source}),
            422,
            "validation_failed",
            vec!["/source/external_id"],
        ),
    ];
    for (method, path, body, status, code, pointers) in refusals {
        let answer = server.send(method, &path, &[], body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{method} {path}: {}", answer.body);
        assert_eq!(answer.errors().iter().map(|(pointer, _)| *pointer).collect::<Vec<_>>(), pointers, "{path}");
        assert_eq!(answer.body["retryable"], false, "{path}");
    }
    let stale = server.send("PATCH", &at(""), &[("if-match", "\"v9\"")], json!({"phone": "1"})).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "version_mismatch"));
    let fits = server.send("PATCH", &at(""), &[("if-match", "\"v1\"")], json!({"phone": "1"})).await;
    assert_eq!(fits.status.as_u16(), 200);
    server.send("POST", &at("/close"), &[], json!({})).await;
    let closed = server.send("PATCH", &at(""), &[], json!({"phone": "2"})).await;
    assert_eq!((closed.status.as_u16(), closed.code()), (409, "business_closed"));
    server.send("POST", &at("/remove"), &[], json!({"reason": "x"})).await;
    let removed = server.send("POST", &at("/close"), &[], json!({})).await;
    assert_eq!((removed.status.as_u16(), removed.code()), (410, "business_removed"));
}

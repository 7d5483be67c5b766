//! Unknown, repeated and malformed parameters are refused, all at once.

use crate::views_in_memory::Memory;
use crate::world::{api, get, options};

async fn errors(path: &str) -> Vec<(String, String)> {
    let memory = Memory::world();
    let answer = get(&api(memory.clone(), options()), path).await;
    assert_eq!(memory.take_log(), [""; 0], "nothing is read for a request that is refused");
    let problem = answer.problem(400, "invalid_parameters");
    problem.errors.into_iter().map(|e| (e.pointer, e.code)).collect()
}

#[tokio::test]
async fn every_endpoint_refuses_what_it_does_not_know() {
    let paths = [
        "/v1/businesses/b-1",
        "/v1/businesses",
        "/v1/categories",
        "/v1/categories/pizza",
        "/v1/categories/pizza/businesses",
        "/v1/locations",
        "/v1/locations/us",
        "/v1/locations/us/businesses",
    ];
    for path in paths {
        let found = errors(&format!("{path}?locale=de&x=1&locale=en&y%0d%0a=2&Locale=de&locale=%80")).await;
        let expected = [
            ("?x", "unknown"),
            ("?locale", "repeated"),
            ("?y\r\n", "unknown"),
            ("?Locale", "unknown"),
            ("?locale", "invalid_encoding"),
        ];
        assert_eq!(found, expected.map(|(p, c)| (p.to_owned(), c.to_owned())), "{path}");
    }
}

#[tokio::test]
async fn bad_values_are_named_together() {
    let found = errors("/v1/categories/pizza/businesses?limit=0&sort=worst&locale=x&view=card").await;
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["?view", "?locale", "?sort", "?limit"]);
    assert_eq!(errors("/v1/businesses/b-1?view=").await, [("?view".to_owned(), "invalid".to_owned())]);
}

#[tokio::test]
async fn limits_have_limits() {
    for limit in ["0", "101", "-1", "18446744073709551616", "1e3", "", "%31%30%31"] {
        errors(&format!("/v1/businesses?limit={limit}")).await;
    }
    for limit in ["0", "501"] {
        errors(&format!("/v1/categories?limit={limit}")).await;
        errors(&format!("/v1/locations/us?limit={limit}")).await;
    }
}

#[tokio::test]
async fn a_category_in_a_location_has_one_order() {
    for sort in ["name", "newest"] {
        let found = errors(&format!("/v1/categories/pizza/businesses?location=us&sort={sort}")).await;
        assert_eq!(found, [("?sort".to_owned(), "unsupported".to_owned())]);
        errors(&format!("/v1/locations/us/businesses?category=pizza&sort={sort}")).await;
    }
}

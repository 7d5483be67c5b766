//! Holds `docs/reads.md` against what is read.

use std::collections::BTreeMap;

use views::{EntryKey, ListId, ReferenceRow, RowKey, Sort};

use crate::views_in_memory::Memory;
use crate::world::{EVERYTHING, PIZZA, SPRINGFIELD, api, business, get, options};

const DOCUMENT: &str = include_str!("../../../docs/reads.md");

/// (endpoint, case) to (number of reads, the reads), out of the table.
fn promised() -> BTreeMap<(String, String), (usize, Vec<String>)> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `/v1/"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [endpoint, case, count, reads] = cells[..] else { panic!("{row}") };
        let reads = reads.split(", ").map(str::to_owned).collect();
        ((endpoint.trim_matches('`').to_owned(), case.to_owned()), (count.parse().unwrap(), reads))
    })
    .collect()
}

#[tokio::test]
async fn every_endpoint_reads_what_the_table_says() {
    let memory = Memory::world();
    (2..=99).for_each(|number| memory.put_business(number));
    memory.put(&RowKey::Reference("old".into()), 9, ReferenceRow::Moved { slug: "b-1".into() }.to_body());
    memory.put(&RowKey::Reference("gone".into()), 9, ReferenceRow::Removed.to_body());
    for list in [
        EVERYTHING,
        ListId { category: Some(PIZZA), ..EVERYTHING },
        ListId { location: Some(SPRINGFIELD), ..EVERYTHING },
        ListId { category: Some(PIZZA), location: Some(SPRINGFIELD), sort: Sort::Best },
    ] {
        memory.put_list(list, (1..=99).map(|number| EntryKey::best(1, business(number))).collect());
    }
    let api = api(memory.clone(), options());
    let all_ids = format!("/v1/businesses?ids={}", (1..=99).map(|n| format!("b-{n}")).collect::<Vec<_>>().join(","));
    let cases = [
        ("/v1/businesses/{id}", "page", "/v1/businesses/b-1?locale=de"),
        ("/v1/businesses/{id}", "card", "/v1/businesses/b-1?view=card"),
        ("/v1/businesses/{id}", "moved, removed or unknown", "/v1/businesses/old"),
        ("/v1/businesses/{id}", "moved, removed or unknown", "/v1/businesses/gone"),
        ("/v1/businesses/{id}", "moved, removed or unknown", "/v1/businesses/nothing"),
        ("/v1/businesses/{id}/hours", "", "/v1/businesses/b-1/hours?from=2026-11-23"),
        ("/v1/businesses/{id}/hours", "moved, removed or unknown", "/v1/businesses/old/hours"),
        ("/v1/businesses", "`ids`", all_ids.as_str()),
        ("/v1/businesses", "`ids`, old slugs among them", "/v1/businesses?ids=b-2,old"),
        ("/v1/businesses", "list", "/v1/businesses?limit=98"),
        ("/v1/categories", "", "/v1/categories?limit=500"),
        ("/v1/categories/{slug}", "", "/v1/categories/food"),
        ("/v1/categories/{slug}/businesses", "", "/v1/categories/pizza/businesses?limit=98"),
        (
            "/v1/categories/{slug}/businesses",
            "`location`",
            "/v1/categories/pizza/businesses?location=us-il-springfield",
        ),
        ("/v1/locations", "", "/v1/locations"),
        ("/v1/locations/{slug}", "", "/v1/locations/us-il"),
        ("/v1/locations/{slug}/businesses", "", "/v1/locations/us-il-springfield/businesses"),
        ("/v1/locations/{slug}/businesses", "`category`", "/v1/locations/us-il-springfield/businesses?category=pizza"),
    ];
    let mut promised_rows = promised();
    for (endpoint, case, path) in cases {
        get(&api, path).await;
        let (count, reads) = &promised()[&(endpoint.to_owned(), case.to_owned())];
        assert_eq!(&memory.take_log(), reads, "{path}");
        assert_eq!(*count, reads.len(), "{path}");
        promised_rows.remove(&(endpoint.to_owned(), case.to_owned()));
    }
    assert!(promised_rows.is_empty(), "rows of the table that nothing holds: {promised_rows:?}");
}

#[tokio::test]
async fn every_endpoint_is_in_the_table_and_in_openapi() {
    let documented: Vec<String> = promised().into_keys().map(|(endpoint, _)| endpoint).collect();
    let api = query_api::openapi();
    for endpoint in api.paths.paths.keys() {
        assert!(documented.contains(endpoint), "{endpoint}");
    }
    for endpoint in &documented {
        assert!(api.paths.paths.contains_key(endpoint), "{endpoint}");
    }
}

#[tokio::test]
async fn a_list_in_short_blocks_is_read_in_a_bounded_number_of_ranges() {
    let memory = Memory::world();
    (1..=300).for_each(|number| memory.put_business(number));
    memory.put_list_cut(EVERYTHING, (1..=300).map(|number| EntryKey::best(1, business(number))).collect(), |_| true);
    let api = api(memory.clone(), options());
    let list: query_api::BusinessList = get(&api, "/v1/businesses?limit=100").await.json();
    assert!(!list.data.is_empty() && list.page.has_more);
    let ranges = memory.take_log().into_iter().filter(|read| read == "range block").count();
    assert_eq!(ranges, options().list_ranges_max);
    let said = format!("at most {} range reads", options().list_ranges_max);
    assert!(DOCUMENT.contains(&said), "the document says: {said}");
    let said = format!("at most {} times", options().list_attempts_max);
    assert!(DOCUMENT.contains(&said), "the document says: {said}");
}

//! What `docs/errors.md` says, what the code says, and who provokes it.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::StatusCode;

use crate::examples::examples;
use crate::{root, text_of};

/// Errors that no single request to a healthy program provokes, and the test over HTTP that does.
const ELSEWHERE: [(u16, &str, &str); 14] = [
    (410, "cursor_expired", "query-api/tests/query/lists.rs"),
    (503, "too_many_waiters", "query-api/tests/query/tokens.rs"),
    (400, "tokens_not_kept", "query-api/tests/query/tokens.rs"),
    (503, "views_unavailable", "query-api/tests/query/torn.rs"),
    (500, "internal", "query-api/tests/query/documents.rs"),
    (408, "body_timed_out", "tests/it/tests/hostile/bodies.rs"),
    (413, "payload_too_large", "tests/it/tests/hostile/bodies.rs"),
    (400, "batch_broken_off", "command-api/tests/commands/batch.rs"),
    (408, "batch_timed_out", "command-api/tests/commands/batch.rs"),
    (503, "too_many_batches", "command-api/tests/commands/batch.rs"),
    (503, "too_much_contention", "command-api/tests/commands/http_troubles.rs"),
    (503, "journal_full", "command-api/tests/commands/http_troubles.rs"),
    (410, "journal_moved", "tests/it/tests/copy/distributed/moved.rs"),
    (503, "unavailable", "command-api/tests/commands/http_refusals.rs"),
];

/// Folders of the product in which problems are made.
const SOURCES: [&str; 4] = ["command-api/src", "query-api/src", "server/src", "http/src"];

/// Status and code.
type Errors = BTreeSet<(u16, String)>;

/// What the tables say.
fn documented() -> Errors {
    let text = text_of("docs/errors.md");
    let of_row = |row: &str| {
        let (code, rest) = row.split_once("` | ")?;
        Some((rest.get(..3)?.parse().ok()?, code.to_owned()))
    };
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| of_row(row).unwrap_or_else(|| panic!("no code and status: {row}"))).collect()
}

/// What the code says.
fn written() -> Errors {
    SOURCES.iter().flat_map(|folder| written_below(&root().join(folder))).collect()
}

fn written_below(path: &Path) -> Errors {
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().flat_map(|entry| written_below(&entry.unwrap().path())).collect()
    } else {
        written_in(&std::fs::read_to_string(path).unwrap())
    }
}

/// A text that stands behind the status of an error, `404, "…` or `StatusCode::NOT_FOUND, "…`, is a code.
fn written_in(source: &str) -> Errors {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let one_line = product.split_whitespace().collect::<Vec<_>>().join(" ");
    let pieces: Vec<&str> = one_line.split(", \"").collect();
    let behind_a_status = |two: &[&str]| {
        let status = status_of(two[0].rsplit(['(', ' ']).next()?)?;
        Some((status, two[1].split('"').next()?.to_owned()))
    };
    pieces.windows(2).filter_map(behind_a_status).collect()
}

/// Of `404` and of `StatusCode::NOT_FOUND`.
fn status_of(word: &str) -> Option<u16> {
    (400..600).find(|number| match word.strip_prefix("StatusCode::") {
        None => word == number.to_string(),
        Some(name) => {
            let status = StatusCode::from_u16(*number).expect("it has three digits");
            status.canonical_reason().is_some_and(|reason| reason.to_uppercase().replace(' ', "_") == name)
        }
    })
}

#[test]
fn the_list_of_errors_is_that_of_the_code() {
    let (documented, written) = (documented(), written());
    let undocumented: Vec<_> = written.difference(&documented).collect();
    let gone: Vec<_> = documented.difference(&written).collect();
    assert!(
        undocumented.is_empty() && gone.is_empty(),
        "not in docs/errors.md: {undocumented:?}; only there: {gone:?}"
    );
}

#[test]
fn every_error_has_an_example_or_a_test() {
    let mut provoked: Errors =
        examples().into_iter().filter_map(|example| Some((example.status, example.code?))).collect();
    for (status, code, file) in ELSEWHERE {
        assert!(text_of(file).contains(&format!("\"{code}\"")), "no test of {file} provokes {code}");
        assert!(provoked.insert((status, code.to_owned())), "{code} has an example, too");
    }
    let documented = documented();
    let missing: Vec<_> = documented.difference(&provoked).collect();
    let unknown: Vec<_> = provoked.difference(&documented).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "nothing provokes {missing:?}; not documented: {unknown:?}");
}

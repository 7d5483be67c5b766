//! `/docs/errors`: the page that the `type` of every problem leads to, from `docs/errors.md`.

use std::fmt::Write;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Html;

const SOURCE: &str = include_str!("../../../docs/errors.md");

/// The examples that the page speaks of, as they are.
pub(super) async fn error_examples() -> ([(HeaderName, HeaderValue); 1], &'static str) {
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], include_str!("../../../docs/errors.http"))
}

/// The page. Only headings, paragraphs, lists, tables and code are known: that is all `docs/errors.md` uses.
pub(super) async fn errors_page() -> Html<String> {
    Html(render(SOURCE))
}

fn render(markdown: &str) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Errors</title>\
         <style>body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}\
         code{background:#eee;padding:0 .2em}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}\
         :target{background:#ffc}</style>\n",
    );
    for line in markdown.lines() {
        let line = line.trim_end();
        if let Some(title) = line.strip_prefix("# ") {
            push(&mut page, format_args!("<h1>{}</h1>\n", inline(title)));
        } else if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            push(&mut page, format_args!("<h2 id=\"{}\">{}</h2>\n", anchor(title), inline(title)));
        } else if let Some(row) = line.strip_prefix('|') {
            push_table_row(&mut page, row);
        } else if let Some(item) = line.strip_prefix("- ") {
            push(&mut page, format_args!("<p>&bull; {}</p>\n", inline(item)));
        } else if !line.is_empty() {
            push(&mut page, format_args!("<p>{}</p>\n", inline(line)));
        }
    }
    page
}

/// A row of a table; its first cell names the code and is what links lead to.
fn push_table_row(page: &mut String, row: &str) {
    let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
    if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':'))) {
        return;
    }
    let id = cells.first().map(|cell| anchor(cell)).unwrap_or_default();
    push(page, format_args!("<table id=\"{id}\"><tr>"));
    for cell in cells {
        push(page, format_args!("<td>{}</td>", inline(cell)));
    }
    page.push_str("</tr></table>\n");
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a string does not fail");
}

/// The code itself, without its quotes.
fn anchor(title: &str) -> String {
    title.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
}

/// Escapes, and shows `code` as code.
fn inline(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut parts = escaped.split('`');
    let mut html = parts.next().unwrap_or_default().to_owned();
    for (i, part) in parts.enumerate() {
        html.push_str(if i % 2 == 0 { "<code>" } else { "</code>" });
        html.push_str(part);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn every_code_has_an_anchor_and_nothing_is_taken_for_html() {
        let page = render("# Errors\n\n## `not_found`\n\nNo <b>such</b> thing.\n\n| `gone` | 410 |\n|---|---|\n");
        assert!(page.contains("<h2 id=\"not_found\"><code>not_found</code></h2>"));
        assert!(page.contains("<table id=\"gone\">"));
        assert!(page.contains("&lt;b&gt;"));
    }
}

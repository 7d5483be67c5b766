//! `/docs/`: the API, to read and to try. It is Swagger UI as it is released, out of the archive that its crate holds.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const PAGE: &str = "index.html";
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/png";

/// What the page needs of the archive.
const FILES: [(&str, &str); 7] = [
    (PAGE, HTML),
    ("index.css", CSS),
    ("swagger-ui.css", CSS),
    ("swagger-ui-bundle.js", SCRIPT),
    ("swagger-ui-standalone-preset.js", SCRIPT),
    ("favicon-16x16.png", PICTURE),
    ("favicon-32x32.png", PICTURE),
];

/// Instead of the one in the archive, which shows somebody else's API.
const INITIALIZER: (&str, &str) = (
    "swagger-initializer.js",
    r##"window.onload = () => {
  const { presets, plugins } = SwaggerUIBundle;
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    layout: "StandaloneLayout",
    presets: [presets.apis, SwaggerUIStandalonePreset],
    plugins: [plugins.DownloadUrl],
  });
};
"##,
);

/// Unpacked when somebody asks for the first time.
static UNPACKED: LazyLock<HashMap<&'static str, (&'static str, Bytes)>> = LazyLock::new(|| {
    let (name, script) = INITIALIZER;
    let mut files = HashMap::from([(name, (SCRIPT, Bytes::from_static(script.as_bytes())))]);
    let mut archive =
        ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).expect("the crate holds an archive; a test opens it");
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("a test reads each file");
        let path = file.name().expect("a test reads each name").into_owned();
        let found = FILES.iter().find(|(name, _)| path.split('/').skip(1).eq(["dist", name]));
        if let Some((name, kind)) = found {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("a test reads each file");
            files.insert(name, (kind, bytes.into()));
        }
    }
    files
});

/// The routes of the page.
pub(super) fn docs() -> Router {
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|| async { file(PAGE).await }))
        .route("/docs/{file}", get(|Path(name): Path<String>| async move { file(&name).await }))
}

async fn file(name: &str) -> Response {
    match UNPACKED.get(name) {
        Some((kind, bytes)) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], bytes.clone()).into_response()
        }
        None => query_api::not_found().await,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_page_gets_all_that_it_asks_for() {
        let (_, page) = &UNPACKED[PAGE];
        let page = std::str::from_utf8(page).unwrap();
        let links = page.split(['"', '\'']).filter_map(|text| text.strip_prefix("./"));
        let asked: Vec<&str> = links.chain(["index.css"]).collect();
        assert!(asked.contains(&INITIALIZER.0) && asked.contains(&"swagger-ui-bundle.js"), "{page}");
        for name in &asked {
            assert!(UNPACKED.get(name).is_some_and(|(_, bytes)| !bytes.is_empty()), "{name} is missing");
        }
        assert_eq!(UNPACKED.len(), FILES.len() + 1);
        assert!(UNPACKED["swagger-ui-bundle.js"].1.len() > 1_000_000);
    }
}

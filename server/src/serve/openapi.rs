//! One description of both APIs.

use std::sync::LazyLock;

use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, ServerBuilder};

/// OpenAPI 3.1 of everything that the public listener answers, as JSON.
pub fn openapi_json() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        serde_json::to_string_pretty(&openapi()).expect("an API description holds only strings, numbers and maps")
    });
    &DOCUMENT
}

fn openapi() -> OpenApi {
    let mut document = query_api::openapi();
    document.merge(command_api::openapi());
    http_api::describe_problems(&mut document);
    document.info = InfoBuilder::new()
        .title("The Lawless Directory")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A public business directory. Reads are anonymous; commands need the admin key. Errors are problem \
             details (RFC 9457): [every code](/docs/errors).",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    document
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::openapi_json;

    /// The contract on disk. `UPDATE_OPENAPI=1 cargo test -p lawless openapi` writes it anew.
    #[test]
    fn the_snapshot_is_what_is_served() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/openapi.json");
        let served = format!("{}\n", openapi_json());
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(file, &served).unwrap();
        }
        let snapshot = std::fs::read_to_string(file).unwrap();
        assert!(snapshot == served, "schemas/openapi.json is not what is served; UPDATE_OPENAPI=1 writes it anew");
        assert!(served.contains("\"openapi\": \"3.1"));
    }
}

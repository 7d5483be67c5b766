//! The two trees that the commands file businesses in.

use anyhow::ensure;
use serde_json::json;

use super::command::{CATEGORIES, LOCATIONS};
use crate::client::Client;

/// Defines the two trees in a fresh directory; the token of the last event.
///
/// # Errors
/// One of them was not accepted.
pub async fn define_trees(client: &Client) -> anyhow::Result<String> {
    let mut token = String::new();
    let categories = CATEGORIES.map(|(slug, parent)| ("categories", slug, json!({"names": {"en": slug}}), parent));
    let locations =
        LOCATIONS.map(|(slug, parent, kind)| ("locations", slug, json!({"names": {"en": slug}, "kind": kind}), parent));
    for (tree, slug, mut body, parent) in categories.into_iter().chain(locations) {
        if let Some(parent) = parent {
            body["parent"] = json!(parent);
        }
        let answer = client.command("PUT", &format!("/v1/{tree}/{slug}"), &body, &[]).await?;
        ensure!(answer.status == 201, "{slug}: {} {}", answer.status, answer.text());
        token = answer.header("lawless-consistency").to_owned();
    }
    Ok(token)
}

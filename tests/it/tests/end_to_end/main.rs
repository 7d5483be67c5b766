//! The program as its users meet it: a process, a data folder, HTTP.
#![allow(clippy::unwrap_used)]

mod commands;
mod lifecycle;
mod metrics;
mod reads;
mod tracing;

use it::{Answer, Client, Program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A program with two small trees and nobody in them.
struct Town {
    folder: TempDir,
    program: Program,
    client: Client,
}

impl Town {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path()).await.unwrap();
        let client = program.client().unwrap();
        for (path, body) in [
            ("categories/food", json!({"names": {"en": "Food", "de": "Essen"}})),
            ("categories/pizzeria", json!({"parent": "food", "names": {"en": "Pizzeria"}})),
            ("locations/us", json!({"kind": "country", "names": {"en": "United States"}})),
            ("locations/us-il", json!({"parent": "us", "kind": "region", "names": {"en": "Illinois"}})),
        ] {
            let answer = client.command("PUT", &format!("/v1/{path}"), &body, &[]).await.unwrap();
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        }
        Self { folder, program, client }
    }

    async fn register(&self, name: &str) -> Registered {
        let body = json!({"name": name, "categories": ["pizzeria"], "location": "us-il"});
        let answer = self.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
        Registered::from(&answer)
    }
}

/// The answer to a registration.
struct Registered {
    path: String,
    slug: String,
    token: String,
}

impl From<&Answer> for Registered {
    fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.text());
        let body: Value = answer.json().unwrap();
        let id = body["id"].as_str().unwrap();
        let path = format!("/v1/businesses/{id}");
        assert_eq!(answer.header("location"), path);
        let slug = body["slug"].as_str().unwrap().to_owned();
        Self { path, slug, token: answer.header("lawless-consistency").to_owned() }
    }
}

impl Registered {
    /// Reads the page as it is once the registration is visible.
    async fn page(&self, client: &Client) -> Answer {
        let answer = client.get(&self.path, &[("Lawless-Consistency", &self.token)]).await.unwrap();
        assert_eq!(answer.header("lawless-stale"), "");
        answer
    }
}

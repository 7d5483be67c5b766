//! The requests of `docs/errors.http`, and what comes of them.

use std::collections::HashMap;

use it::Program;
use reqwest::Response;
use serde_json::Value;

use crate::text_of;

/// One request.
pub(crate) struct Example {
    /// What it is answered with.
    pub(crate) status: u16,
    /// The code of the problem, if it is one.
    pub(crate) code: Option<String>,
    /// By which later ones refer to its answer.
    name: Option<String>,
    /// As it stands there, with variables.
    request: String,
}

/// All examples, in their order.
pub(crate) fn examples() -> Vec<Example> {
    text_of("docs/errors.http").split("\n### ").skip(1).map(Example::read).collect()
}

impl Example {
    /// Reads `<status> <code of a problem, or words>`, and the request behind it.
    fn read(text: &str) -> Self {
        let (title, rest) = text.split_once('\n').unwrap();
        let (status, words) = title.split_once(' ').unwrap_or((title, ""));
        let status: u16 = status.parse().unwrap_or_else(|_| panic!("no status: {title}"));
        let name = rest.lines().find_map(|line| line.strip_prefix("# @name ")).map(str::to_owned);
        let lines: Vec<&str> = rest.lines().filter(|line| !line.starts_with('#')).collect();
        let request = lines.join("\n").trim().to_owned();
        Self { status, code: (status >= 400).then(|| words.to_owned()), name, request }
    }

    async fn send(&self, http: &reqwest::Client, known: &HashMap<String, String>) -> Response {
        let mut text = self.request.clone();
        for (variable, value) in known {
            text = text.replace(&format!("{{{{{variable}}}}}"), value);
        }
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let (method, address) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = http.request(method.parse().unwrap(), address).body(body.to_owned());
        for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn every_example_is_answered_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let key = std::fs::read_to_string(program.data().join("admin-key")).unwrap().trim().to_owned();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut known =
        HashMap::from([variable("api", program.api()), variable("admin", program.admin()), variable("key", &key)]);
    let http = reqwest::Client::new();
    for example in examples() {
        let answer = example.send(&http, &known).await;
        let request = &example.request;
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (content_type, token) = (header("content-type"), header("lawless-consistency"));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, example.status, "{request}\n{body}");
        if let Some(code) = &example.code {
            assert_eq!(body["code"].as_str(), Some(code.as_str()), "{request}\n{body}");
            assert_eq!(body["type"], format!("/docs/errors#{code}"), "{request}");
            assert_eq!(content_type, "application/problem+json", "{request}");
        }
        if let Some(name) = &example.name {
            let id = body["id"].as_str().unwrap_or_default().to_owned();
            known.insert(format!("{name}.response.body.$.id"), id);
            known.insert(format!("{name}.response.headers.Lawless-Consistency"), token);
        }
    }
}

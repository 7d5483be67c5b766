//! A program under attack.

use it::{Program, Received, Wire};
use serde_json::{Value, json};

/// What the program may need besides what it needed before it was attacked, at its peak.
const MEMORY_KIB: u64 = 96 * 1024;

pub(crate) struct Town {
    pub(crate) program: Program,
    key: String,
    folder: tempfile::TempDir,
    peak_before: u64,
}

impl Town {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With these settings.
    pub(crate) async fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lawless.toml");
        std::fs::write(&file, settings).unwrap();
        let options = ["--empty", "--config", file.to_str().unwrap()];
        let program = Program::start_with(folder.path(), &options).await.unwrap();
        let key = std::fs::read_to_string(program.data().join("admin-key")).unwrap().trim().to_owned();
        let mut town = Self { program, key, folder, peak_before: 0 };
        let food = town.command("PUT", "/v1/categories/food", &json!({"names": {"en": "Food"}})).await;
        assert_eq!(food.status, 201);
        town.still_serves().await;
        town.peak_before = peak_kib(&town.program);
        town
    }

    pub(crate) async fn wire(&self) -> Wire {
        Wire::connect(self.program.api()).await.unwrap()
    }

    /// The head of a request with the key and these headers, the first line without the version.
    pub(crate) fn head(&self, line: &str, headers: &[&str]) -> String {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        format!("{line} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\n{headers}\r\n", self.key)
    }

    /// The answer to a request, on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Received {
        let mut wire = self.wire().await;
        wire.send(request).await.unwrap();
        wire.receive().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Received {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n")).await
    }

    /// The answer to a command with these bytes as its body, which says that it is JSON.
    pub(crate) async fn command_of(&self, line: &str, body: &[u8]) -> Received {
        let length = format!("Content-Length: {}", body.len());
        let head = self.head(line, &["Content-Type: application/json", &length]);
        self.ask([head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn command(&self, method: &str, path: &str, body: &Value) -> Received {
        self.command_of(&format!("{method} {path}"), body.to_string().as_bytes()).await
    }

    /// Somebody who behaves is served, and memory is where it should be.
    pub(crate) async fn still_serves(&self) {
        let registered =
            self.command("POST", "/v1/businesses", &json!({"name": "Moe's", "categories": ["food"]})).await;
        assert_eq!(registered.status, 201, "{registered:?}");
        let id = registered.json().unwrap()["id"].as_str().unwrap().to_owned();
        let token = registered.header("lawless-consistency");
        let read = format!("GET /v1/businesses/{id} HTTP/1.1\r\nHost: here\r\nLawless-Consistency: {token}\r\n\r\n");
        assert_eq!(self.ask(read).await.json().unwrap()["name"], "Moe's");
        let more = peak_kib(&self.program).saturating_sub(self.peak_before);
        assert!(self.peak_before == 0 || more < MEMORY_KIB, "{more} KiB more than before");
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// The most memory that a program had so far; 0 where the system does not tell.
fn peak_kib(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse().unwrap())
}

/// The code of a problem, which must be one.
pub(crate) fn code(answer: &Received) -> String {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = answer.json().unwrap();
    assert_eq!(problem["status"].as_u64(), Some(answer.status.into()), "{problem}");
    assert_eq!(problem["request_id"].as_str(), Some(answer.header("x-request-id")), "{problem}");
    problem["code"].as_str().unwrap().to_owned()
}

/// Pointers and codes of the fields that a problem names.
pub(crate) fn errors(answer: &Received) -> Vec<(String, String)> {
    let problem = answer.json().unwrap();
    let text = |error: &Value, member: &str| error[member].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
}

//! The control of reads: axum and nothing else, giving one answer whatever is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::load::Answer;
use crate::process::cpu_seconds;

/// The option of this program that makes it the control.
const SERVE_ANSWER_OPTION: &str = "--serve-answer";
/// Headers that the server's HTTP library adds by itself.
const ADDED_BY_HYPER: [&str; 2] = ["date", "content-length"];

/// An answer of the product, to be given by the control: the same bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecordedAnswer {
    headers: Vec<(String, String)>,
    body: String,
}

impl RecordedAnswer {
    /// Takes down an answer.
    pub(crate) fn of(answer: &Answer<'_>) -> anyhow::Result<Self> {
        let headers = answer
            .headers()
            .filter(|(name, _)| !ADDED_BY_HYPER.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Self { headers, body: std::str::from_utf8(answer.body).context("a page is text")?.to_owned() })
    }
}

/// The control, running. Killed when it is dropped.
pub(crate) struct StaticServer {
    child: Child,
    /// Where it answers.
    pub(crate) address: SocketAddr,
}

impl StaticServer {
    /// Starts this program again, as the control that gives this answer.
    pub(crate) fn start(answer: &RecordedAnswer, file: &Path) -> anyhow::Result<Self> {
        std::fs::write(file, serde_json::to_vec(answer)?).with_context(|| format!("writing {}", file.display()))?;
        let mut child = Command::new(std::env::current_exe().context("finding this program")?)
            .arg(SERVE_ANSWER_OPTION)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the control")?;
        let mut line = String::new();
        let said = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        // From here on the guard kills it, whatever its first line was.
        let mut control = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        said.context("its output is piped")?.context("waiting for the control's address")?;
        control.address = line.trim().parse().context("the control says its address first")?;
        Ok(control)
    }

    /// Processor time that it has used, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.child.id())
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the control: gives the answer in a file until standard input ends, which it does with the parent.
pub async fn serve_answer(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let answer: RecordedAnswer = serde_json::from_slice(&text).context("a recorded answer")?;
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    let prepared = (headers, Bytes::from(answer.body));
    let router = Router::new().route("/v1/businesses/{id}", get(give)).with_state(prepared);
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush().context("saying the address")?;
    let parent_gone = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0; 1]));
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // As the product does; a socket that cannot is measured as it is.
        let _ = stream.set_nodelay(true);
    });
    tokio::select! {
        served = async { axum::serve(listener, router).await } => served.context("serving"),
        _ = parent_gone => Ok(()),
    }
}

async fn give(State((headers, body)): State<(HeaderMap, Bytes)>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.headers_mut() = headers;
    response
}

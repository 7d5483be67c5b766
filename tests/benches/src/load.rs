//! A small HTTP/1.1 client for load: prepared requests on kept connections, answers parsed no further than needed.
//!
//! A full client would use more of the machine than the server that is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections of [`closed_loop`].
const CONNECTIONS: usize = 32;
/// The longest that one answer may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// A GET request, ready to be sent.
pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("GET", target, headers, None)
}

/// A request with a JSON body, ready to be sent.
pub(crate) fn with_body(method: &str, target: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> Vec<u8> {
    request(method, target, headers, Some(&body.to_string()))
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: bench.example\r\naccept: application/json\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if let Some(body) = body {
        text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body.unwrap_or_default();
    text.into_bytes()
}

/// A connection that is kept open; one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the connection's buffer until the next request.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    head: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// Names and values of all headers.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body, in words that fit an error.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(self.body))
    }
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true).context("setting TCP_NODELAY")?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_BYTES) })
    }

    /// Sends a prepared request and waits for its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.buffer.clear();
        let exchange = exchange(&mut self.stream, &mut self.buffer, request);
        let (head_bytes, status) =
            tokio::time::timeout(ANSWER_DEADLINE, exchange).await.context("no answer came in time")??;
        let head = std::str::from_utf8(&self.buffer[..head_bytes]).context("the head of an answer is text")?;
        Ok(Answer { status, head, body: &self.buffer[head_bytes..] })
    }
}

/// Fills the buffer with one whole answer; gives the length of its head and its status.
async fn exchange(stream: &mut TcpStream, buffer: &mut Vec<u8>, request: &[u8]) -> anyhow::Result<(usize, u16)> {
    stream.write_all(request).await.context("sending a request")?;
    let mut whole = None;
    loop {
        buffer.reserve(READ_BYTES);
        ensure!(stream.read_buf(buffer).await.context("reading an answer")? > 0, "the server hung up");
        if whole.is_none() {
            whole = parse_head(buffer)?;
        }
        if let Some((head_bytes, status, body_bytes)) = whole
            && buffer.len() >= head_bytes + body_bytes
        {
            ensure!(buffer.len() == head_bytes + body_bytes, "the server sent more than one answer");
            return Ok((head_bytes, status));
        }
    }
}

/// Length of the head, status and length of the body, once the head is there.
fn parse_head(buffer: &[u8]) -> anyhow::Result<Option<(usize, u16, usize)>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end]).context("the head of an answer is text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status: u16 = status_line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .with_context(|| format!("not a status line: {status_line:?}"))?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body_bytes = match (status, length) {
        (204 | 304, _) => 0,
        (_, Some(length)) => length,
        _ => bail!("an answer without a length: {head}"),
    };
    Ok(Some((end + 4, status, body_bytes)))
}

/// Sends every request once, over several connections, each waiting for its answer before it sends the next.
/// Each answer must have this status.
pub(crate) async fn closed_loop(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    expected_status: u16,
) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    for first in 0..CONNECTIONS {
        let requests = requests.clone();
        connections.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for request in requests.iter().skip(first).step_by(CONNECTIONS) {
                let answer = connection.send(request).await?;
                if answer.status != expected_status {
                    bail!("expected {expected_status}, got {}", answer.words());
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection's task panicked")??;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection, in pieces as a network may cut them.
    async fn answer_with(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await.unwrap();
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_read_whole() {
        let address =
            answer_with(&["HTTP/1.1 200 OK\r\nETag: \"h\"\r\ncontent-", "length: 5\r\n\r", "\nhe", "llo"]).await;
        let mut connection = Connection::open(address).await.unwrap();
        let answer = connection.send(&get("/", &[])).await.unwrap();
        assert_eq!((answer.status, answer.header("etag"), answer.body), (200, Some("\"h\""), &b"hello"[..]));
    }

    #[tokio::test]
    async fn an_unexpected_status_ends_the_load_with_words() {
        let address = answer_with(&["HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno"]).await;
        let error = closed_loop(address, &Arc::new(vec![get("/", &[])]), 200).await.unwrap_err();
        assert_eq!(error.to_string(), "expected 200, got 404 no");
    }

    #[test]
    fn a_304_has_no_body_whatever_its_length_says() {
        assert_eq!(parse_head(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n").unwrap(), Some((48, 304, 0)));
        assert!(parse_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}

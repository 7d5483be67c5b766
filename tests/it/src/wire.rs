//! A client that speaks no HTTP of its own: it sends the bytes that it is given, and reads what comes back.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest head and body that any answer has.
const LONGEST: usize = 4 << 20;

/// A connection.
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Received {
    /// HTTP status.
    pub status: u16,
    /// Headers by their name in lower case. Of one that comes more than once all values, joined by commas.
    pub headers: HashMap<String, String>,
    /// Body; of a chunked one, what is in the chunks.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to where `api`, an address that begins with `http://`, answers.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn connect(api: &str) -> anyhow::Result<Self> {
        let address = api.strip_prefix("http://").context("an address begins with http://")?;
        let connecting = timeout(PATIENCE, TcpStream::connect(address)).await.context("connecting takes too long")?;
        Ok(Self { stream: connecting.context("connecting")?, unread: Vec::new() })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The other side has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let sending = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await;
        sending.context("nobody reads what is sent")?.context("sending")
    }

    /// Reads the next answer.
    ///
    /// # Errors
    /// None came, or not a whole one.
    pub async fn receive(&mut self) -> anyhow::Result<Received> {
        let head = self.until(b"\r\n\r\n").await.context("the head of an answer")?;
        let head = String::from_utf8(head).context("the head of an answer is text")?;
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.with_context(|| format!("{status_line:?} has no status"))?;
        let mut headers: HashMap<String, String> = HashMap::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').with_context(|| format!("{line:?} is no header"))?;
            let values = headers.entry(name.to_ascii_lowercase()).or_default();
            let comma = if values.is_empty() { "" } else { ", " };
            *values = format!("{values}{comma}{}", value.trim());
        }
        let body = match headers.get("content-length") {
            _ if status < 200 || matches!(status, 204 | 304) => Vec::new(),
            Some(length) => self.exactly(length.parse().context("a length is a number")?).await?,
            None if headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked") => {
                self.chunks().await?
            }
            None => bail!("nothing says how long the body is: {head}"),
        };
        Ok(Received { status, headers, body })
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// The other side has closed.
    pub async fn end(&mut self) -> anyhow::Result<()> {
        self.stream.shutdown().await.context("ending")
    }

    /// Whether something of an answer, or its end, comes within this time.
    pub async fn has_come_within(&mut self, time: Duration) -> bool {
        !self.unread.is_empty() || timeout(time, self.stream.read_buf(&mut self.unread)).await.is_ok()
    }

    /// Whether the other side closes, having sent nothing more.
    pub async fn is_closed(&mut self) -> bool {
        self.unread.is_empty()
            && match timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await {
                // Cut off in the middle, or ended.
                Ok(read) => read.map_or(true, |bytes| bytes == 0),
                Err(_) => false,
            }
    }

    /// Reads more. False when the other side has closed.
    async fn more(&mut self) -> anyhow::Result<bool> {
        ensure!(self.unread.len() < LONGEST, "an answer without end");
        let reading = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        Ok(reading.context("nothing comes")?.context("receiving")? > 0)
    }

    async fn until(&mut self, end: &[u8]) -> anyhow::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            ensure!(self.more().await?, "closed after {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    async fn exactly(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        while self.unread.len() < length {
            ensure!(self.more().await?, "closed after {} of {length} bytes", self.unread.len());
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = String::from_utf8(self.until(b"\r\n").await?).context("the size of a chunk is text")?;
            let size = usize::from_str_radix(size.trim(), 16).with_context(|| format!("{size:?} is no size"))?;
            let chunk = self.exactly(size + 2).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

impl Received {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not; the error shows it.
    pub fn json(&self) -> anyhow::Result<Value> {
        let text = || format!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).with_context(text)
    }
}

//! As much of the CQL protocol as it takes to ask a server something, without the driver: this program builds in seconds.
//! Version 4, <https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec>.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// One question and its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// One value is much shorter.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const STARTUP: u8 = 1;
const QUERY: u8 = 7;
const ERROR: u8 = 0;
const READY: u8 = 2;
const RESULT: u8 = 8;
/// Kind of a result: it has rows.
const ROWS: u32 = 2;
/// Consistency ONE, and an answer that does not describe itself.
const PARAMETERS: [u8; 3] = [0, 1, 2];

/// A connection to a server.
pub(crate) struct Connection(TcpStream);

impl Connection {
    /// Opens one.
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let socket = address.parse().with_context(|| format!("{address} is not host and port"))?;
        let stream = TcpStream::connect_timeout(&socket, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        let mut connection = Self(stream);
        let (kind, _) = connection.exchange(STARTUP, b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0")?;
        ensure!(kind == READY, "it does not take clients: it answers with a message of kind {kind}");
        Ok(connection)
    }

    /// The first value of the first row of what a statement gives, if it gives any.
    pub(crate) fn value(&mut self, statement: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let mut body = u32::try_from(statement.len())?.to_be_bytes().to_vec();
        body.extend(statement.as_bytes());
        body.extend(PARAMETERS);
        match self.exchange(QUERY, &body)? {
            (RESULT, answer) => Reader(&answer).value().context("its answer cannot be understood"),
            (kind, _) => bail!("it answers with a message of kind {kind}"),
        }
    }

    fn exchange(&mut self, kind: u8, body: &[u8]) -> anyhow::Result<(u8, Vec<u8>)> {
        // Version, flags, number of the stream, kind, length.
        let mut frame = vec![4, 0, 0, 0, kind];
        frame.extend(u32::try_from(body.len())?.to_be_bytes());
        frame.extend(body);
        self.0.write_all(&frame)?;
        let mut head = [0; 9];
        self.0.read_exact(&mut head).context("it does not answer")?;
        let [version, _, _, _, kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(version == 0x84 && length <= ANSWER_BYTES_MAX, "this does not speak CQL, or not version 4");
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).context("it does not answer")?;
        if kind == ERROR {
            bail!("it says {}", String::from_utf8_lossy(answer.get(6..).unwrap_or_default()));
        }
        Ok((kind, answer))
    }
}

/// The rest of an answer.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// `None` if the bytes are something else.
    fn value(mut self) -> Option<Option<Vec<u8>>> {
        if self.number()? != ROWS {
            return Some(None);
        }
        let (_flags, columns, rows) = (self.number()?, self.number()?, self.number()?);
        if columns == 0 || rows == 0 {
            return Some(None);
        }
        // Nothing has the length -1.
        let Ok(length) = usize::try_from(self.number()?.cast_signed()) else { return Some(None) };
        self.0.get(..length).map(|value| Some(value.to_vec()))
    }

    fn number(&mut self) -> Option<u32> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*taken))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_cut_one_is_none() {
        let answer = b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x03abc";
        assert_eq!(Reader(answer).value().unwrap().unwrap(), b"abc");
        for length in 0..answer.len() {
            assert!(Reader(&answer[..length]).value().is_none(), "{length} bytes");
        }
        assert_eq!(Reader(b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\0").value().unwrap(), None, "no row");
        assert_eq!(Reader(b"\0\0\0\x01").value().unwrap(), None, "no rows at all");
        let nothing = b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff";
        assert_eq!(Reader(nothing).value().unwrap(), None);
    }
}

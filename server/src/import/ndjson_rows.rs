//! Reads one JSON object a line. A line that cannot be read is a broken row; the next one is read all the same.

use std::io::{self, BufRead};

use serde_json::value::RawValue;

use super::bounded::too_large;
use super::finding::Finding;
use super::raw_row::{RawRow, RowContent, RowSink};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Gives every line that is not blank to the sink, in order.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read_ndjson(mut reader: impl BufRead, max_row_bytes: usize, sink: &mut dyn RowSink) -> io::Result<()> {
    let mut text = Vec::new();
    let mut number = 0;
    for line in 1.. {
        text.clear();
        let Some(fits) = read_line(&mut reader, max_row_bytes, &mut text)? else { break };
        let bytes = if line == 1 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text) } else { &text };
        if fits && bytes.trim_ascii().is_empty() {
            continue;
        }
        number += 1;
        let content = if fits { content_of(bytes) } else { broken("row_too_large", too_large(max_row_bytes)) };
        if !sink.take(RawRow { number, line, content }) {
            break;
        }
    }
    Ok(())
}

fn broken(code: &str, detail: String) -> RowContent {
    RowContent::Broken(Finding::new("", code, detail))
}

fn content_of(bytes: &[u8]) -> RowContent {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let at = e.valid_up_to();
            return broken(
                "undecodable",
                format!("byte 0x{:02x}, the {}. of the line, is not UTF-8", bytes[at], at + 1),
            );
        }
    };
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(value) => RowContent::Object(value),
        Err(e) => broken("malformed_row", format!("not JSON at column {}: {e}", e.column())),
    }
}

/// Reads a line without its end. `None` at the end of the file, `Some(false)` for a line that was too long to keep.
fn read_line(reader: &mut impl BufRead, max_bytes: usize, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let mut fits = true;
    let mut has_begun = false;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(has_begun.then_some(fits));
        }
        has_begun = true;
        let end = available.iter().position(|&b| b == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if fits && line.len() + part.len() <= max_bytes {
            line.extend_from_slice(part);
        } else {
            fits = false;
            line.clear();
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(fits));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_does_not_stop_the_next() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
        let mut text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n{\"a\":\n{\"a\":\"\xff\"}\n".to_vec();
        text.extend_from_slice(long.as_bytes());
        text.extend_from_slice(b"\n{\"a\":2}");
        let mut seen = Vec::new();
        read_ndjson(io::BufReader::with_capacity(7, &text[..]), 50, &mut |row: RawRow| {
            let said = match row.content {
                RowContent::Object(text) => text.get().trim().to_owned(),
                RowContent::Broken(finding) => format!("{} {}", finding.code, finding.detail),
                other => panic!("{other:?}"),
            };
            seen.push((row.number, row.line, said));
            true
        })
        .unwrap();
        let (numbers, said): (Vec<_>, Vec<_>) = seen.into_iter().map(|(n, line, said)| ((n, line), said)).unzip();
        assert_eq!(numbers, [(1, 1), (2, 4), (3, 5), (4, 6), (5, 7)]);
        assert_eq!((said[0].as_str(), said[4].as_str()), ("{\"a\":1}", "{\"a\":2}"));
        assert!(said[1].starts_with("malformed_row"), "{}", said[1]);
        assert_eq!(said[2], "undecodable byte 0xff, the 7. of the line, is not UTF-8");
        assert!(said[3].starts_with("row_too_large"), "{}", said[3]);
    }
}

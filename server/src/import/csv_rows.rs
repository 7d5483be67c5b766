//! Reads separated fields, row by row. The first row names the columns.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::sync::Arc;

use anyhow::{Context, bail};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use encoding_rs::{Encoding, UTF_8};

use super::bounded::{BoundedReader, Progress};
use super::decoding::{MARK, Transcoded, Undecoded, byte_order_mark, decode_field, keeps_separators};
use super::file_rules::CsvShape;
use super::finding::Finding;
use super::raw_row::{RawRow, RowContent, RowSink};

const BUFFER_BYTES: usize = 64 * 1024;

/// The most column names that an error lists.
const COLUMNS_NAMED: usize = 60;

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Header {
    index: HashMap<String, usize>,
    columns: usize,
}

/// The fields of a row, by column.
#[derive(Debug)]
pub(super) struct Record {
    header: Arc<Header>,
    values: Vec<String>,
    /// Why the row must not be taken: a field is not what the encoding says. Its text is empty then.
    pub undecodable: Option<Finding>,
}

impl Record {
    /// The field of a column.
    pub(super) fn field(&self, column: &str) -> Option<&str> {
        self.values.get(*self.header.index.get(column)?).map(String::as_str)
    }
}

/// Gives every row to the sink, in order.
///
/// # Errors
/// A wanted column is not there, a row is larger than the bound, the file cannot be read. Rows before the mistake were
/// given to the sink.
pub(super) fn read_csv(
    reader: &mut dyn BufRead,
    shape: CsvShape,
    wanted: &[String],
    max_row_bytes: usize,
    sink: &mut dyn RowSink,
) -> anyhow::Result<()> {
    let (encoding, mark) = byte_order_mark(reader.fill_buf()?).unwrap_or((shape.encoding, 0));
    reader.consume(mark);
    let progress = Progress::new(max_row_bytes);
    if keeps_separators(encoding) {
        let fields = FieldDecoder { encoding, undecoded: None };
        return read_records(BoundedReader::new(reader, progress.clone()), shape, &fields, wanted, &progress, sink);
    }
    let undecoded = Undecoded::default();
    let text = Transcoded::new(reader, encoding, mark as u64, undecoded.clone());
    let fields = FieldDecoder { encoding, undecoded: Some(undecoded) };
    let text = std::io::BufReader::with_capacity(BUFFER_BYTES, text);
    read_records(BoundedReader::new(text, progress.clone()), shape, &fields, wanted, &progress, sink)
}

/// How the bytes of a field become text.
struct FieldDecoder {
    encoding: &'static Encoding,
    /// The bytes behind marks, when the file was decoded as a whole.
    undecoded: Option<Undecoded>,
}

impl FieldDecoder {
    /// The text, or what is wrong with its bytes and how far in.
    fn text(&self, bytes: &[u8]) -> Result<String, (usize, String)> {
        let name = self.encoding.name();
        let Some(undecoded) = &self.undecoded else {
            return decode_field(self.encoding, bytes)
                .map_err(|at| (at, format!("byte 0x{:02x} is not {name}", bytes[at])));
        };
        let text = decode_field(UTF_8, bytes).map_err(|at| (at, format!("is not {name}")))?;
        let marks: Vec<usize> = text.match_indices(MARK).map(|(at, _)| at).collect();
        let Some(&at) = marks.first() else { return Ok(text) };
        let mut undecoded = undecoded.borrow_mut();
        let first = undecoded.pop_front();
        for _ in 1..marks.len() {
            undecoded.pop_front();
        }
        let what =
            first.map_or_else(String::new, |(offset, byte)| format!("byte 0x{byte:02x} at {offset} of the file "));
        Err((at, format!("{what}is not {name}")))
    }
}

fn read_records(
    reader: impl Read,
    shape: CsvShape,
    fields: &FieldDecoder,
    wanted: &[String],
    progress: &Progress,
    sink: &mut dyn RowSink,
) -> anyhow::Result<()> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // Of CRLF the CR stays at the end of the last field, where white space is of no interest. Taken for an end
        // by itself it would leave its LF to the next row, and lines could not be told.
        .terminator(Terminator::Any(b'\n'))
        .delimiter(shape.delimiter)
        .quoting(shape.quote.is_some())
        .quote(shape.quote.unwrap_or(b'"'))
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(reader.chain(&b"\n"[..]));
    let mut record = ByteRecord::new();
    let mut header: Option<Arc<Header>> = None;
    let mut number = 0;
    loop {
        let begins = reader.position().line();
        let is_there = reader
            .read_byte_record(&mut record)
            .with_context(|| format!("the row that begins on line {begins} (is a quote not closed there?)"))?;
        if !is_there {
            return if header.is_some() {
                Ok(())
            } else {
                bail!("the file is empty: the first row must name the columns")
            };
        }
        progress.row_ended_at(reader.position().byte());
        // Blank lines may have come before it, so it is told from its end.
        let line = reader.position().line() - 1 - record.iter().map(line_breaks).sum::<u64>();
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        let Some(header) = &header else {
            header = Some(Arc::new(header_of(&record, fields, wanted)?));
            continue;
        };
        number += 1;
        let content = content_of(&record, line, header, fields);
        if !sink.take(RawRow { number, line, content }) {
            return Ok(());
        }
    }
}

fn header_of(record: &ByteRecord, fields: &FieldDecoder, wanted: &[String]) -> anyhow::Result<Header> {
    let mut index = HashMap::new();
    for (number, bytes) in record.iter().enumerate() {
        let name = match fields.text(bytes) {
            Ok(name) => name.trim().to_owned(),
            Err((_, detail)) => bail!("the name of column {} cannot be decoded: {detail}", number + 1),
        };
        if !name.is_empty() && index.insert(name.clone(), number).is_some() {
            bail!("two columns are called {name:?}");
        }
    }
    let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| !index.contains_key(*name)).collect();
    if !missing.is_empty() {
        let mut there: Vec<(usize, &str)> = index.iter().map(|(name, number)| (*number, name.as_str())).collect();
        there.sort_unstable();
        let there: Vec<&str> = there.into_iter().take(COLUMNS_NAMED).map(|(_, name)| name).collect();
        bail!(
            "the mapping reads columns that the file does not have: {}. It has: {}",
            missing.join(", "),
            there.join(", ")
        );
    }
    Ok(Header { index, columns: record.len() })
}

fn content_of(record: &ByteRecord, line: u64, header: &Arc<Header>, fields: &FieldDecoder) -> RowContent {
    let mut values = Vec::with_capacity(record.len());
    let mut undecodable = None;
    for (number, bytes) in record.iter().enumerate() {
        values.push(fields.text(bytes).unwrap_or_else(|(at, detail)| {
            undecodable.get_or_insert_with(|| undecodable_field(record, number, at, line, header, &detail));
            String::new()
        }));
    }
    if record.len() != header.columns {
        let detail = format!("{} fields, and the header has {}", record.len(), header.columns);
        return RowContent::Broken(Finding::new("", "wrong_number_of_fields", detail));
    }
    RowContent::Record(Record { header: header.clone(), values, undecodable })
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b == b'\n').count() as u64
}

/// Which field it is, and on which line of the row.
fn undecodable_field(
    record: &ByteRecord,
    number: usize,
    at: usize,
    line: u64,
    header: &Header,
    detail: &str,
) -> Finding {
    let before: u64 = record.iter().take(number).map(line_breaks).sum();
    let within = record.get(number).and_then(|bytes| bytes.get(..at)).map_or(0, line_breaks);
    let column = header.index.iter().find(|(_, index)| **index == number).map_or("", |(name, _)| name.as_str());
    let detail = format!("column {column:?} on line {}: {detail}", line + before + within);
    Finding::new("", "undecodable", detail)
}

#[cfg(test)]
#[path = "csv_rows_tests.rs"]
mod tests;

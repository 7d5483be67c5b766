//! A row as it stands in the file, not yet looked into, and what happens to it.

use serde_json::value::RawValue;

use super::csv_rows::Record;
use super::finding::Finding;

/// One row, not yet looked into.
#[derive(Debug)]
pub(super) struct RawRow {
    /// Its number in the file, from 1; the header of a CSV file is none.
    pub number: u64,
    /// Where it stands, from 1: the line on which it begins, in JSON arrays the line on which it ends.
    pub line: u64,
    /// What is in it.
    pub content: RowContent,
}

/// What is in a row.
#[derive(Debug)]
pub(super) enum RowContent {
    /// The text of a GeoJSON feature.
    Feature(Box<RawValue>),
    /// The text of a JSON object.
    Object(Box<RawValue>),
    /// The fields of a CSV row.
    Record(Record),
    /// It cannot be read; the next one can.
    Broken(Finding),
}

/// What happens to a row; `false` ends the reading.
pub(super) trait RowSink {
    /// Takes the next row.
    fn take(&mut self, row: RawRow) -> bool;
}

impl<F: FnMut(RawRow) -> bool> RowSink for F {
    fn take(&mut self, row: RawRow) -> bool {
        self(row)
    }
}

//! What the fuzzers `mapping`, `csv` and `geojson` ask of an import. Not part of the product; see `fuzz/`.

use std::sync::LazyLock;

use command_api::Command;
use encoding_rs::Encoding;

use super::csv_rows::read_csv;
use super::file_rules::CsvShape;
use super::json_rows::{Rows, read_json};
use super::mapping::Mapping;
use super::ndjson_rows::read_ndjson;
use super::raw_row::{RawRow, RowContent, RowSink};
use super::row::map_row;

const MAX_ROW_BYTES: usize = 2_000;

const FEATURES: &str = r#"{"type": "FeatureCollection", "features": [
    {"type": "Feature", "geometry": {"type": "Point", "coordinates": [11.57, 48.13]},
     "properties": {"id": 1, "name": " Moe's\tTavern ", "kind": "pub", "tags": "wifi;beer;darts", "lat": "48.13",
                    "lon": "11.57", "website": "moes.example", "hours": "Mo-Fr 09:00-17:00", "a/b": {"c": ["x", "y"]}}},
    {"type": "Feature", "geometry": null, "properties": null}
]}"#;

const TABLE: &[u8] = b"id,name,kind,tags,lat,lon,website,hours\n\
    1,Moe's Tavern,pub,wifi;beer;darts,48.13,11.57,moes.example,Mo-Fr 09:00-17:00\n\
    2,,,,,,,\n3,\"Two\nlines\",pub,wifi,0,0,,24/7\n";

const ENCODINGS: [&Encoding; 6] = [
    encoding_rs::UTF_8,
    encoding_rs::WINDOWS_1252,
    encoding_rs::UTF_16LE,
    encoding_rs::SHIFT_JIS,
    encoding_rs::GB18030,
    encoding_rs::ISO_2022_JP,
];

static COLUMNS: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::parse(include_str!("../../../tests/fixtures/shops.toml")).expect("a sound mapping"));

static FEATURE_RULES: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::parse(include_str!("../../../mappings/osm-places.toml")).expect("a sound mapping"));

/// A text is refused, or it is a mapping by which any row becomes a business or is refused in turn.
///
/// # Panics
/// Rows do not come as they should.
pub fn mapping(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Mapping::parse(text) {
        Err(reason) => assert!(!reason.is_empty()),
        Ok(mapping) => {
            let mut rows = Checked::by(&mapping);
            let read = read_json(FEATURES.as_bytes(), Rows::Features, MAX_ROW_BYTES, &mut rows);
            assert!(read.is_ok() && rows.number == 2);
            let mut rows = Checked::by(&mapping);
            let shape = CsvShape { delimiter: b',', quote: Some(b'"'), encoding: encoding_rs::UTF_8 };
            // It may ask for columns that are not there.
            let whole = read_csv(&mut &TABLE[..], shape, &mapping.fields(), MAX_ROW_BYTES, &mut rows).is_ok();
            assert_eq!(rows.number, if whole { 3 } else { 0 });
        }
    }
}

/// The first byte says how fields are separated and encoded, the rest is the file.
///
/// # Panics
/// Rows do not come as they should.
pub fn csv(data: &[u8]) {
    let Some((shape, file)) = data.split_first() else { return };
    let encoding = ENCODINGS[usize::from(*shape) % ENCODINGS.len()];
    let quote = [None, Some(b'"'), Some(b'\'')][usize::from(shape / 8) % 3];
    let shape = CsvShape { delimiter: [b',', b';', b'\t'][usize::from(shape / 32) % 3], quote, encoding };
    // What fits into memory as a row is not read as one by a pipe that gives byte by byte either.
    let wanted = ["id".to_owned()];
    let mut at_once = Checked::by(&COLUMNS);
    let whole = read_csv(&mut &file[..], shape, &wanted, MAX_ROW_BYTES, &mut at_once);
    let mut in_pieces = Checked::by(&COLUMNS);
    let mut pieces = std::io::BufReader::with_capacity(3, file);
    let pieced = read_csv(&mut pieces, shape, &wanted, MAX_ROW_BYTES, &mut in_pieces);
    assert_eq!((whole.is_ok(), at_once.number), (pieced.is_ok(), in_pieces.number));
}

/// The first byte says what is in the file: features, an array of objects, or an object a line.
///
/// # Panics
/// Rows do not come as they should.
pub fn geojson(data: &[u8]) {
    let Some((kind, file)) = data.split_first() else { return };
    let mut rows = Checked::by(&FEATURE_RULES);
    let path = ["data".to_owned()];
    let whole = match kind % 4 {
        0 => read_json(file, Rows::Features, MAX_ROW_BYTES, &mut rows).is_ok(),
        1 => read_json(file, Rows::Array(&[]), MAX_ROW_BYTES, &mut rows).is_ok(),
        2 => read_json(file, Rows::Array(&path), MAX_ROW_BYTES, &mut rows).is_ok(),
        _ => read_ndjson(file, MAX_ROW_BYTES, &mut rows).is_ok(),
    };
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(file).is_ok();
    assert!(kind % 4 == 3 || is_json || !whole, "what is not JSON was read to its end");
}

/// Maps each row and validates what comes of it, as an import does before it sends anything.
struct Checked<'m> {
    mapping: &'m Mapping,
    number: u64,
    line: u64,
}

impl<'m> Checked<'m> {
    fn by(mapping: &'m Mapping) -> Self {
        Self { mapping, number: 0, line: 1 }
    }
}

impl RowSink for Checked<'_> {
    fn take(&mut self, row: RawRow) -> bool {
        assert_eq!(row.number, self.number + 1, "a row is missing, or came twice");
        assert!(row.line >= self.line, "lines go on");
        (self.number, self.line) = (row.number, row.line);
        if let RowContent::Broken(reason) = &row.content {
            assert!(!reason.code.is_empty() && !reason.detail.is_empty());
        }
        if let Ok(row) = map_row(self.mapping, row.content) {
            let command = Command::UpsertBusinessFromSource(Box::new(row.business));
            for invalid in command.validate().err().into_iter().flatten() {
                assert!(invalid.pointer.starts_with('/'), "{invalid:?}");
            }
        }
        true
    }
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("mapping", super::mapping);
        replay("csv", super::csv);
        replay("geojson", super::geojson);
    }
}

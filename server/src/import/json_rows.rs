//! Reads an array of JSON objects, or a GeoJSON FeatureCollection, row by row: the file is never in memory as a whole.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::bounded::{BoundedReader, Progress};
use super::raw_row::{RawRow, RowContent, RowSink};

/// Where the rows are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'p> {
    /// The features of a collection.
    Features,
    /// The array below these members; none for an array that is the whole file.
    Array(&'p [String]),
}

/// Gives every row to the sink, in order.
///
/// # Errors
/// The text is not JSON, there are no rows where they should be, one is larger than the bound, the file cannot be read.
/// Rows before the mistake were given to the sink.
pub(super) fn read_json(
    reader: impl BufRead,
    rows: Rows<'_>,
    max_row_bytes: usize,
    sink: &mut dyn RowSink,
) -> Result<(), serde_json::Error> {
    let progress = Progress::new(max_row_bytes);
    let mut deserializer = serde_json::Deserializer::from_reader(BoundedReader::new(reader, progress.clone()));
    let mut reading =
        Reading { progress: &progress, sink, is_features: matches!(rows, Rows::Features), stopped: false };
    let features = ["features".to_owned()];
    let path = match rows {
        Rows::Features => &features[..],
        Rows::Array(path) => path,
    };
    let result = Below { path, reading: &mut reading }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    // The sink asked for an end: whatever the parser says about the rest is of no interest.
    if reading.stopped { Ok(()) } else { result }
}

struct Reading<'a> {
    progress: &'a Progress,
    sink: &'a mut dyn RowSink,
    is_features: bool,
    stopped: bool,
}

/// What lies below some members: objects on the way, then the array.
struct Below<'a, 'r> {
    path: &'a [String],
    reading: &'a mut Reading<'r>,
}

impl<'de> DeserializeSeed<'de> for Below<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() { deserializer.deserialize_seq(self) } else { deserializer.deserialize_map(self) }
    }
}

impl<'de> Visitor<'de> for Below<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path {
            [] => f.write_str("an array of rows"),
            _ if self.reading.is_features => f.write_str("a GeoJSON FeatureCollection"),
            [member, ..] => write!(f, "an object with {member:?}"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, reading } = self;
        let (wanted, rest) = path.split_first().expect("only a path that goes on asks for an object");
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == *wanted && !found {
                found = true;
                map.next_value_seed(Below { path: rest, reading })?;
            } else if key == "type" && reading.is_features {
                let kind: String = map.next_value()?;
                if kind != "FeatureCollection" {
                    return Err(A::Error::custom(format_args!("expected a FeatureCollection, found a {kind}")));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            reading.progress.row_ended();
        }
        if found { Ok(()) } else { Err(A::Error::custom(format_args!("there is no {wanted:?}"))) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let reading = self.reading;
        let mut number = 0;
        reading.progress.row_ended();
        while let Some(text) = seq.next_element::<Box<RawValue>>()? {
            number += 1;
            reading.progress.row_ended();
            let content = if reading.is_features { RowContent::Feature(text) } else { RowContent::Object(text) };
            if !reading.sink.take(RawRow { number, line: reading.progress.line(), content }) {
                reading.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str, rows: Rows<'_>) -> (Vec<(u64, u64)>, Result<(), String>) {
        let mut seen = Vec::new();
        let result = read_json(text.as_bytes(), rows, 200, &mut |row: RawRow| {
            seen.push((row.number, row.line));
            true
        });
        (seen, result.map_err(|e| e.to_string()))
    }

    #[test]
    fn features_come_one_by_one_with_number_and_line() {
        let text =
            "{\"type\":\"FeatureCollection\",\"name\":\"x\",\n\"features\":[\n{\"a\":1},\n{\"a\":2}],\"end\":[1]}";
        assert_eq!(read(text, Rows::Features), (vec![(1, 3), (2, 4)], Ok(())));
    }

    #[test]
    fn rows_are_found_below_members_or_are_the_whole_file() {
        assert_eq!(read("[{},\n{}]", Rows::Array(&[])), (vec![(1, 1), (2, 2)], Ok(())));
        let path = ["data".to_owned(), "places".to_owned()];
        let text = "{\"places\":[1],\"data\":{\"count\":{\"places\":3},\"places\":[{}],\"more\":null}}";
        assert_eq!(read(text, Rows::Array(&path)), (vec![(1, 1)], Ok(())));
        let (_, missing) = read("{\"data\":{}}", Rows::Array(&path));
        assert!(missing.unwrap_err().contains("there is no \"places\""));
        let (_, not_an_object) = read("{\"data\":[]}", Rows::Array(&path));
        assert!(not_an_object.unwrap_err().contains("an object with \"places\""));
    }

    #[test]
    fn a_broken_file_gives_what_came_before_the_break() {
        let (seen, result) = read("{\"features\":[{\"a\":1},{\"a\":", Rows::Features);
        assert_eq!(seen.len(), 1);
        assert!(result.unwrap_err().contains("EOF"));
        let wrong = |text| read(text, Rows::Features).1.unwrap_err();
        assert!(wrong("{\"type\":\"Feature\"}").contains("FeatureCollection"));
        assert!(wrong("{}").contains("features"));
        assert!(wrong("[]").contains("FeatureCollection"));
        wrong("{\"features\":[]} x");
        assert!(read("{}", Rows::Array(&[])).1.unwrap_err().contains("an array of rows"));
    }

    #[test]
    fn an_endless_row_ends_the_reading() {
        let text = format!("{{\"features\":[{{\"a\":1}},{{\"a\":\"{}\"}}]}}", "x".repeat(300));
        let (seen, result) = read(&text, Rows::Features);
        assert_eq!(seen.len(), 1);
        assert!(result.unwrap_err().contains("larger than 200 bytes"));
    }
}

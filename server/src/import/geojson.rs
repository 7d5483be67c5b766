//! Reads a GeoJSON FeatureCollection feature by feature: the file is never in memory as a whole.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

const BUFFER_BYTES: usize = 256 * 1024;

/// One feature, not yet looked into.
#[derive(Debug)]
pub(super) struct RawFeature {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The line on which it ends, from 1.
    pub line: u64,
    /// Its JSON text.
    pub text: Box<RawValue>,
}

/// What happens to a feature; `false` ends the reading.
pub(super) trait FeatureSink {
    /// Takes the next feature.
    fn take(&mut self, feature: RawFeature) -> bool;
}

impl<F: FnMut(RawFeature) -> bool> FeatureSink for F {
    fn take(&mut self, feature: RawFeature) -> bool {
        self(feature)
    }
}

/// Unpacks what is gzipped (told by its first bytes, not by a name) and gives back the rest as it is.
///
/// # Errors
/// Whatever the reader says.
pub(super) fn unpack(reader: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// Gives every feature of the collection to the sink, in order.
///
/// # Errors
/// The text is not JSON or not a FeatureCollection, a feature is larger than the bound, the file cannot be read.
/// Features before the mistake were given to the sink.
pub(super) fn read_features(
    reader: impl BufRead,
    max_feature_bytes: usize,
    sink: &mut dyn FeatureSink,
) -> Result<(), serde_json::Error> {
    let progress = Rc::new(Progress {
        line: Cell::new(1),
        bytes_since: Cell::new(0),
        // Between two features there is little; the head of a collection may be longer.
        max_bytes: max_feature_bytes,
    });
    let bounded = BoundedReader { reader, progress: progress.clone() };
    let mut deserializer = serde_json::Deserializer::from_reader(bounded);
    let mut stopped = false;
    let collection = Collection { progress: &progress, sink, stopped: &mut stopped };
    let result = collection.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    // The sink asked for an end: whatever the parser says about the rest is of no interest.
    if stopped { Ok(()) } else { result }
}

struct Progress {
    line: Cell<u64>,
    bytes_since: Cell<usize>,
    max_bytes: usize,
}

/// Counts lines, and ends the reading when one feature does not end.
struct BoundedReader<R> {
    reader: R,
    progress: Rc<Progress>,
}

impl<R: BufRead> Read for BoundedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        let progress = &self.progress;
        progress.bytes_since.set(progress.bytes_since.get() + n);
        if progress.bytes_since.get() > progress.max_bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a feature is larger than {} bytes (import.max_feature_bytes)", progress.max_bytes),
            ));
        }
        let lines = out[..n].iter().filter(|&&b| b == b'\n').count();
        progress.line.set(progress.line.get() + lines as u64);
        Ok(n)
    }
}

struct Collection<'a> {
    progress: &'a Progress,
    sink: &'a mut dyn FeatureSink,
    stopped: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Collection<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Collection<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a GeoJSON FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "features" && !found {
                found = true;
                let features = Features { progress: self.progress, sink: self.sink, stopped: self.stopped };
                map.next_value_seed(features)?;
            } else if key == "type" {
                let kind: String = map.next_value()?;
                if kind != "FeatureCollection" {
                    return Err(A::Error::custom(format_args!("expected a FeatureCollection, found a {kind}")));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            self.progress.bytes_since.set(0);
            self = Self { progress: self.progress, sink: self.sink, stopped: self.stopped };
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("features")) }
    }
}

struct Features<'a> {
    progress: &'a Progress,
    sink: &'a mut dyn FeatureSink,
    stopped: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Features<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        self.progress.bytes_since.set(0);
        while let Some(text) = seq.next_element::<Box<RawValue>>()? {
            number += 1;
            self.progress.bytes_since.set(0);
            if !self.sink.take(RawFeature { number, line: self.progress.line.get(), text }) {
                *self.stopped = true;
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> (Vec<(u64, u64)>, Result<(), String>) {
        let mut seen = Vec::new();
        let result = read_features(text.as_bytes(), 200, &mut |feature: RawFeature| {
            seen.push((feature.number, feature.line));
            true
        });
        (seen, result.map_err(|e| e.to_string()))
    }

    #[test]
    fn features_come_one_by_one_with_number_and_line() {
        let text =
            "{\"type\":\"FeatureCollection\",\"name\":\"x\",\n\"features\":[\n{\"a\":1},\n{\"a\":2}],\"end\":[1]}";
        assert_eq!(read(text), (vec![(1, 3), (2, 4)], Ok(())));
    }

    #[test]
    fn a_broken_file_gives_what_came_before_the_break() {
        let (seen, result) = read("{\"features\":[{\"a\":1},{\"a\":");
        assert_eq!(seen.len(), 1);
        assert!(result.unwrap_err().contains("EOF"));
        assert!(read("{\"type\":\"Feature\"}").1.unwrap_err().contains("FeatureCollection"));
        assert!(read("{}").1.unwrap_err().contains("features"));
        assert!(read("[]").1.is_err());
        assert!(read("{\"features\":[]} x").1.is_err());
    }

    #[test]
    fn an_endless_feature_ends_the_reading() {
        let (seen, result) = read(&format!("{{\"features\":[{{\"a\":1}},{{\"a\":\"{}\"}}]}}", "x".repeat(300)));
        assert_eq!(seen.len(), 1);
        assert!(result.unwrap_err().contains("larger than 200 bytes"));
    }

    #[test]
    fn a_gzipped_file_is_told_by_its_bytes() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"{\"features\":[{}]}").unwrap();
        let packed = io::Cursor::new(encoder.finish().unwrap());
        let mut count = 0;
        read_features(unpack(packed).unwrap(), 200, &mut |_: RawFeature| {
            count += 1;
            true
        })
        .unwrap();
        assert_eq!(count, 1);
    }
}

//! What is in a file and how it is written: by the mapping, by options, by its name.

use clap::{Args, ValueEnum};
use encoding_rs::Encoding;
use serde::Deserialize;

use super::source_file::SourceFile;
use crate::exit::Refusal;

/// How a file is read. All of it may stand in the mapping, and options of the command line win.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct FileRules {
    /// What is in the file [default: by its extension]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatName>,
    /// The member of a zip archive [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
    /// Encoding of a CSV file, for example windows-1252 [default: utf-8]
    #[arg(long, value_name = "LABEL")]
    pub encoding: Option<String>,
    /// What separates the fields of a CSV file; `tab` for a tab [default: ,]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// What encloses the fields of a CSV file, `none` for nothing [default: "]
    #[arg(long, value_name = "CHARACTER")]
    pub quote: Option<String>,
    /// JSON pointer to the array of rows in a JSON file, for example /data/places [default: the whole file]
    #[arg(long, value_name = "POINTER")]
    pub array: Option<String>,
}

/// The formats that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum FormatName {
    /// Separated fields, the first row names the columns
    Csv,
    /// One JSON object a line
    Ndjson,
    /// An array of JSON objects
    Json,
    /// A GeoJSON FeatureCollection
    Geojson,
}

/// A format with all that is needed to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowFormat {
    /// A FeatureCollection.
    GeoJson,
    /// An array of objects, below these members.
    Json(Vec<String>),
    /// An object a line.
    NdJson,
    /// Separated fields.
    Csv(CsvShape),
}

/// How fields are separated and encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CsvShape {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub encoding: &'static Encoding,
}

impl FileRules {
    /// These, and of the others what these leave open.
    #[must_use]
    pub fn over(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            format: self.format.or(other.format),
            member: self.member.or(other.member),
            encoding: self.encoding.or(other.encoding),
            delimiter: self.delimiter.or(other.delimiter),
            quote: self.quote.or(other.quote),
            array: self.array.or(other.array),
        }
    }

    /// The format of this file.
    ///
    /// # Errors
    /// [`Refusal::Configuration`]: nothing tells the format, or a rule does not fit it.
    pub(super) fn format_of(&self, file: &SourceFile) -> Result<RowFormat, Refusal> {
        let extension = file.extension();
        self.resolve(extension.as_deref()).map_err(Refusal::Configuration)
    }

    fn resolve(&self, extension: Option<&str>) -> Result<RowFormat, String> {
        let format = match (self.format, extension) {
            (Some(format), _) => format,
            (None, Some("csv" | "tsv" | "tab")) => FormatName::Csv,
            (None, Some("ndjson" | "jsonl")) => FormatName::Ndjson,
            (None, Some("json")) => FormatName::Json,
            (None, Some("geojson")) => FormatName::Geojson,
            (None, extension) => {
                let what =
                    extension.map_or("a name without an extension".to_owned(), |e| format!("the extension {e:?}"));
                return Err(format!("{what} does not tell the format; say --format csv, ndjson, json or geojson"));
            }
        };
        self.refuse_what_does_not_fit(format)?;
        Ok(match format {
            FormatName::Geojson => RowFormat::GeoJson,
            FormatName::Ndjson => RowFormat::NdJson,
            FormatName::Json => RowFormat::Json(pointer_parts(self.array.as_deref().unwrap_or_default())?),
            FormatName::Csv => RowFormat::Csv(self.csv_shape(extension)?),
        })
    }

    fn refuse_what_does_not_fit(&self, format: FormatName) -> Result<(), String> {
        let csv_only = [("encoding", &self.encoding), ("delimiter", &self.delimiter), ("quote", &self.quote)];
        let given = csv_only.into_iter().map(|(name, rule)| (name, rule.is_some(), FormatName::Csv));
        let rules = given.chain([("array", self.array.is_some(), FormatName::Json)]);
        match rules.into_iter().find(|(_, is_given, fits)| *is_given && *fits != format) {
            Some((name, _, fits)) => {
                Err(format!("{name} is for the format {fits:?}, and this is {format:?}").to_lowercase())
            }
            None => Ok(()),
        }
    }

    fn csv_shape(&self, extension: Option<&str>) -> Result<CsvShape, String> {
        let tabs = matches!(extension, Some("tsv" | "tab"));
        let delimiter = match self.delimiter.as_deref() {
            None if tabs => b'\t',
            None => b',',
            Some("tab" | "\\t") => b'\t',
            Some(text) => separator("delimiter", text)?,
        };
        let quote = match self.quote.as_deref() {
            None => Some(b'"'),
            Some("none" | "") => None,
            Some(text) => Some(separator("quote", text)?),
        };
        if quote == Some(delimiter) {
            return Err("delimiter and quote are the same character".to_owned());
        }
        let label = self.encoding.as_deref().unwrap_or("utf-8");
        let encoding = label_of(label)?;
        Ok(CsvShape { delimiter, quote, encoding })
    }
}

fn separator(name: &str, text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if (byte.is_ascii_punctuation() || matches!(byte, b' ' | b'\t' | 0x1f)) && *byte != 0 => Ok(*byte),
        _ => Err(format!("{name} {text:?}: one ASCII character that is neither a letter nor a digit is needed")),
    }
}

/// Encodings by the names of the WHATWG Encoding Standard, and two that people write.
fn label_of(label: &str) -> Result<&'static Encoding, String> {
    let usual = match label.to_ascii_lowercase().as_str() {
        "cp1252" => "windows-1252".to_owned(),
        "utf16" | "utf-16" => "utf-16le".to_owned(),
        other => other.to_owned(),
    };
    Encoding::for_label_no_replacement(usual.as_bytes()).ok_or_else(|| {
        format!("encoding {label:?} is not known; see https://encoding.spec.whatwg.org/#names-and-labels")
    })
}

/// The parts of an RFC 6901 pointer.
fn pointer_parts(pointer: &str) -> Result<Vec<String>, String> {
    match pointer.split_once('/') {
        None if pointer.is_empty() => Ok(Vec::new()),
        Some(("", parts)) => Ok(parts.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()),
        _ => Err(format!("array {pointer:?}: a JSON pointer begins with a slash")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rules(text: &str) -> FileRules {
        toml::from_str(text).unwrap()
    }

    fn csv(delimiter: u8, quote: Option<u8>, encoding: &'static Encoding) -> RowFormat {
        RowFormat::Csv(CsvShape { delimiter, quote, encoding })
    }

    #[test]
    fn the_name_tells_the_format_and_rules_win_over_it() {
        let by_name = |extension| FileRules::default().resolve(Some(extension)).unwrap();
        assert_eq!(by_name("csv"), csv(b',', Some(b'"'), encoding_rs::UTF_8));
        assert_eq!(by_name("tsv"), csv(b'\t', Some(b'"'), encoding_rs::UTF_8));
        assert_eq!(by_name("jsonl"), RowFormat::NdJson);
        assert_eq!(by_name("json"), RowFormat::Json(Vec::new()));
        assert_eq!(by_name("geojson"), RowFormat::GeoJson);
        assert_eq!(rules("format = 'geojson'").resolve(Some("json")).unwrap(), RowFormat::GeoJson);

        let mapping = rules("delimiter = ';'\nencoding = 'cp1252'\nquote = \"'\"");
        let options = FileRules { delimiter: Some("tab".to_owned()), ..FileRules::default() };
        let both = options.over(&mapping).resolve(Some("csv")).unwrap();
        assert_eq!(both, csv(b'\t', Some(b'\''), encoding_rs::WINDOWS_1252));
        let array = rules("array = '/a~1b/c'").resolve(Some("json")).unwrap();
        assert_eq!(array, RowFormat::Json(vec!["a/b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, extension, named) in [
            ("", Some("xlsx"), "xlsx"),
            ("", None, "without an extension"),
            ("delimiter = ';'", Some("json"), "delimiter"),
            ("array = '/rows'", Some("csv"), "array"),
            ("array = 'rows'", Some("json"), "begins with a slash"),
            ("delimiter = '||'", Some("csv"), "||"),
            ("delimiter = 'x'", Some("csv"), "neither a letter"),
            ("delimiter = '\"'", Some("csv"), "the same character"),
            ("encoding = 'klingon'", Some("csv"), "klingon"),
        ] {
            let error = rules(text).resolve(extension).unwrap_err();
            assert!(error.contains(named), "{text:?} gave {error}");
        }
    }
}

//! The fields of a row by name, whatever the format, as tidy text.

use serde_json::{Map, Value};

use super::csv_rows::Record;
use super::finding::Finding;

/// The fields of a row.
#[derive(Debug)]
pub(super) enum Fields {
    /// Members of a JSON object.
    Object(Map<String, Value>),
    /// Columns.
    Record(Record),
}

impl Fields {
    /// Why the row must not be taken although its fields can be looked at.
    pub(super) fn undecodable(&self) -> Option<&Finding> {
        match self {
            Self::Record(record) => record.undecodable.as_ref(),
            Self::Object(_) => None,
        }
    }

    /// A field as text; absent when it is missing, empty, or neither text nor number nor boolean.
    ///
    /// In JSON a name that begins with `/` is a pointer from the row down.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self {
            Self::Record(record) => tidy(record.field(name)?),
            Self::Object(members) => {
                let value = if name.starts_with('/') { pointed_at(members, name)? } else { members.get(name)? };
                match value {
                    Value::String(text) => tidy(text),
                    Value::Number(number) => number.to_string(),
                    Value::Bool(yes) => yes.to_string(),
                    Value::Null | Value::Array(_) | Value::Object(_) => return None,
                }
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// `{a}/{b}` with fields put in; `None` when one is absent.
    pub(super) fn fill(&self, template: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            filled.push_str(before);
            filled.push_str(&self.text(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

/// The names in the braces of a template; an error for a brace that is not closed.
pub(super) fn names_in(template: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("{template:?}: a brace is not closed"))?;
        names.push(name);
        rest = after;
    }
    Ok(names)
}

/// RFC 6901, from the members down.
fn pointed_at<'p>(members: &'p Map<String, Value>, pointer: &str) -> Option<&'p Value> {
    let mut parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let first = members.get(&parts.next()?)?;
    parts.try_fold(first, |at, part| match at {
        Value::Object(map) => map.get(&part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Trimmed, white space in single blanks, no control characters.
pub(super) fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy
}

//! An invalid field: where it is, and what is wrong with it.

use garde::{Path, Validate};
use serde::{Deserialize, Serialize};

/// One invalid field of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidField {
    /// JSON pointer (RFC 6901) into the body, `{name}` for a part of the path.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl InvalidField {
    /// A field that is wrong in this way.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }

    /// Takes apart what [`super::limits::refusal`] put together: garde carries one text per error.
    pub(super) fn from_message(pointer: impl Into<String>, message: &str) -> Self {
        let (code, detail) = message.split_once('\n').unwrap_or(("invalid", message));
        Self::new(pointer, code, detail)
    }
}

/// All invalid fields of a body.
pub(crate) fn invalid_fields<T: Validate<Context = ()>>(body: &T) -> Vec<InvalidField> {
    match body.validate() {
        Ok(()) => Vec::new(),
        Err(report) => {
            report.iter().map(|(path, error)| InvalidField::from_message(pointer(path), error.message())).collect()
        }
    }
}

fn pointer(path: &Path) -> String {
    pointer_of(
        path.__iter()
            .rev()
            .filter(|(kind, _)| !matches!(kind, garde::error::Kind::None))
            .map(|(_, part)| part.as_str()),
    )
}

/// RFC 6901: `~` and `/` inside a part are escaped.
pub(crate) fn pointer_of<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    parts.fold(String::new(), |mut pointer, part| {
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        pointer
    })
}

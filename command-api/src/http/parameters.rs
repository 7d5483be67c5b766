//! Query parameters of reads, strictly: what is unknown, repeated or malformed is refused, all of it at once.

use url::form_urlencoded;

use super::problems::Refused;
use crate::request::InvalidField;

/// The parameters of one request.
pub(super) struct Parameters {
    values: Vec<(&'static str, String)>,
    errors: Vec<InvalidField>,
}

/// Of an unknown name this many characters are repeated to the client.
const NAME_CHARS_MAX: usize = 64;
/// More errors than this are not named: an answer must not outgrow its request.
const ERRORS_MAX: usize = 64;

impl Parameters {
    /// Takes a raw query apart. Whatever is wrong is kept for [`Self::finish`].
    pub(super) fn parse(query: Option<&str>, known: &[&'static str]) -> Self {
        let mut parameters = Self { values: Vec::new(), errors: Vec::new() };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match known.iter().find(|known| **known == name) {
                None => parameters.reject(&name, "unknown", "this endpoint has no such parameter"),
                Some(known) if parameters.text(known).is_some() => {
                    parameters.reject(known, "repeated", "given more than once");
                }
                Some(known) => parameters.values.push((known, value.into_owned())),
            }
        }
        parameters
    }

    /// Reads a value; what is wrong with it is kept.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let read = read(self.text(name)?);
        read.map_err(|detail| self.reject(name, "invalid", detail)).ok()
    }

    /// An error that names everything that is wrong, if anything is.
    pub(super) fn finish(self) -> Result<(), Refused> {
        if self.errors.is_empty() { Ok(()) } else { Err(Refused::invalid_parameters(self.errors)) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn reject(&mut self, name: &str, code: &str, detail: &str) {
        if self.errors.len() < ERRORS_MAX {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            self.errors.push(InvalidField::new(format!("?{name}"), code, detail));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_kept_and_what_is_right_is_read() {
        let mut parameters = Parameters::parse(Some("limit=5&nope=1&limit=6&as_of=x%2By"), &["limit", "as_of"]);
        assert_eq!(parameters.read("limit", |text| text.parse().map_err(|_| "a number")), Some(5));
        assert_eq!(parameters.read("as_of", |text| Ok(text.to_owned())).as_deref(), Some("x+y"));
        assert_eq!(parameters.read("cursor", |_| Ok(())), None);
        let wrong: Vec<_> = parameters.errors.iter().map(|e| (e.pointer.as_str(), e.code.as_str())).collect();
        assert_eq!(wrong, [("?nope", "unknown"), ("?limit", "repeated")]);
        assert!(parameters.finish().is_err());
    }

    #[test]
    fn a_long_query_gives_no_long_answer() {
        let query: String = (0..5_000).map(|i| format!("{}{i}=1&", "x".repeat(100))).collect();
        let parameters = Parameters::parse(Some(&query), &[]);
        assert_eq!(parameters.errors.len(), ERRORS_MAX);
        assert!(parameters.errors.iter().all(|error| error.pointer.len() <= NAME_CHARS_MAX + 1));
    }
}

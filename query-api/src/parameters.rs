//! Query parameters, read strictly: what is unknown, repeated or malformed is refused, all of it at once.

use http_api::FieldError;

use crate::problems::ReadError;

/// More errors than this are not named one by one: an answer must not outgrow its request.
const NAMED_ERRORS_MAX: usize = 64;

/// Of an unknown name this many characters are repeated to the client.
const NAME_CHARS_MAX: usize = 64;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    values: Vec<(&'static str, String)>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Takes a raw query apart. Whatever is wrong is kept for [`Self::finish`].
    pub(crate) fn parse(query: Option<&str>, known: &[&'static str]) -> Self {
        let mut parameters = Self { values: Vec::new(), errors: Vec::new() };
        // Most requests have none.
        let Some(query) = query.filter(|q| !q.is_empty()) else { return parameters };
        for pair in pairs(query) {
            let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(raw_name), decode(raw_value)) else {
                parameters.reject(raw_name, "invalid_encoding", "not percent-encoded UTF-8");
                continue;
            };
            match known.iter().find(|known| **known == name) {
                None => parameters.reject(&name, "unknown", "this endpoint has no such parameter"),
                Some(known) if parameters.values.iter().any(|(n, _)| n == known) => {
                    parameters.reject(known, "repeated", "given more than once");
                }
                Some(known) => parameters.values.push((known, value)),
            }
        }
        parameters
    }

    /// The value of a parameter, if it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter as something else, if it was given and can be read.
    pub(crate) fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match read(self.text(name)?) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.reject(name, "invalid", &detail);
                None
            }
        }
    }

    /// Notes that a parameter is not acceptable.
    pub(crate) fn reject(&mut self, name: &str, code: &str, detail: &str) {
        if self.errors.len() < NAMED_ERRORS_MAX {
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            self.errors.push(FieldError {
                pointer: format!("?{name}"),
                code: code.to_owned(),
                detail: detail.to_owned(),
            });
        } else if self.errors.len() == NAMED_ERRORS_MAX {
            self.errors.push(FieldError {
                pointer: "?".to_owned(),
                code: "too_many".to_owned(),
                detail: "there are more errors than are named here".to_owned(),
            });
        }
    }

    /// An error that names everything that is wrong, if anything is.
    pub(crate) fn finish(self) -> Result<(), ReadError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ReadError::Parameters(self.errors)) }
    }
}

/// A raw query without one of its parameters, for links to other pages of the same list.
pub(crate) fn without(query: Option<&str>, name: &str) -> String {
    let mut rest = String::new();
    for pair in pairs(query.unwrap_or("")) {
        let raw_name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if decode(raw_name).as_deref() != Some(name) {
            if !rest.is_empty() {
                rest.push('&');
            }
            rest.push_str(pair);
        }
    }
    rest
}

fn pairs(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| !pair.is_empty())
}

/// `application/x-www-form-urlencoded`, without mercy for broken escapes.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).expect("two hexadecimal digits are a byte")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes text so that it can stand as one segment of a path.
pub(crate) fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).expect("four bits are a hexadecimal digit");
                encoded.push(digit.to_ascii_uppercase());
            }
        }
    }
    encoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn errors(query: &str) -> Vec<(String, String)> {
        let mut parameters = Parameters::parse(Some(query), &["limit", "locale"]);
        parameters.read("limit", |text| text.parse::<u32>().map_err(|e| e.to_string()));
        match parameters.finish() {
            Err(ReadError::Parameters(errors)) => errors.into_iter().map(|e| (e.pointer, e.code)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn values_are_decoded() {
        let parameters = Parameters::parse(Some("&locale=%C3%A9+x&&%6Cimit=5"), &["limit", "locale"]);
        assert_eq!(parameters.text("locale"), Some("é x"));
        assert_eq!(parameters.text("limit"), Some("5"));
        parameters.finish().unwrap();
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let found = errors("limit=x&lImit=1&locale=a&locale=b&=&%zz=1&locale=%ff&limit=%2");
        let expected = [
            ("?lImit", "unknown"),
            ("?locale", "repeated"),
            ("?", "unknown"),
            ("?%zz", "invalid_encoding"),
            ("?locale", "invalid_encoding"),
            ("?limit", "invalid_encoding"),
            ("?limit", "invalid"),
        ];
        assert_eq!(found, expected.map(|(p, c)| (p.to_owned(), c.to_owned())));
    }

    #[test]
    fn a_long_query_gives_no_long_answer() {
        let query: String = (0..5000).map(|i| format!("x{i}={}&", "y".repeat(9))).collect();
        let found = errors(&query);
        assert_eq!(found.len(), NAMED_ERRORS_MAX + 1);
        assert_eq!(found.last().unwrap().1, "too_many");
        assert!(errors(&"x".repeat(9999))[0].0.len() <= NAME_CHARS_MAX + 1);
    }

    #[test]
    fn the_cursor_is_taken_out_however_it_is_spelled() {
        assert_eq!(without(Some("a=1&cursor=x&b=2&%63ursor=y"), "cursor"), "a=1&b=2");
        assert_eq!(without(Some("cursor"), "cursor"), "");
        assert_eq!(without(None, "cursor"), "");
    }

    #[test]
    fn a_segment_holds_nothing_that_means_something() {
        assert_eq!(encode_segment("a-b_c.d~é/?#\r\n\"<"), "a-b_c.d~%C3%A9%2F%3F%23%0D%0A%22%3C");
    }
}

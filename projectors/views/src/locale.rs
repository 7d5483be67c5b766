//! Which of a node's names a reader sees.

use std::str::FromStr;

use events::Names;

/// A BCP 47 language tag (RFC 5646), checked for its shape and lower-cased.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locale(String);

impl FromStr for Locale {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let well_formed = s.len() <= 35
            && s.split('-').enumerate().all(|(i, part)| {
                let letters_only = i > 0 || part.bytes().all(|b| b.is_ascii_alphabetic());
                let long_enough = if i == 0 { part.len() >= 2 } else { !part.is_empty() };
                long_enough && part.len() <= 8 && letters_only && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if well_formed { Ok(Self(s.to_ascii_lowercase())) } else { Err("not a BCP 47 language tag") }
    }
}

impl Locale {
    /// The tag, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name in the wanted language, else in a shorter form of its tag, else in English, else the first there is.
pub fn choose_name<'n>(names: &'n Names, wanted: Option<&Locale>) -> &'n str {
    let find = |tag: &str| names.iter().find(|(t, _)| t.eq_ignore_ascii_case(tag)).map(|(_, name)| name.as_str());
    let mut tag = wanted.map_or("", Locale::as_str);
    while !tag.is_empty() {
        if let Some(name) = find(tag) {
            return name;
        }
        tag = tag.rsplit_once('-').map_or("", |(shorter, _)| shorter);
    }
    find("en").or_else(|| names.values().next().map(String::as_str)).unwrap_or("")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_chosen() {
        let names: Names =
            [("de", "Wien"), ("en", "Vienna"), ("fr-CA", "Vienne")].map(|(a, b)| (a.into(), b.into())).into();
        let choose = |tag: &str| choose_name(&names, Some(&tag.parse().unwrap()));
        assert_eq!(choose("de-AT"), "Wien");
        assert_eq!(choose("FR-ca"), "Vienne");
        assert_eq!(choose("fr"), "Vienna");
        assert_eq!(choose_name(&names, None), "Vienna");
        assert_eq!(choose_name(&[("ja".to_owned(), "梵".to_owned())].into(), None), "梵");
        for bad in ["", "e", "en-", "e1", "en_US", "abcdefghi", "-en", "en\r\n"] {
            assert!(bad.parse::<Locale>().is_err(), "{bad:?}");
        }
    }
}

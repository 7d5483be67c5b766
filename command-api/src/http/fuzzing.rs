//! What the fuzzers `history_cursor` and `pointers` ask of this crate. Not part of the product; see `fuzz/`.

use std::collections::HashSet;
use std::fmt;

use events::{BusinessId, StreamVersion};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::batch::wrong_with_line;
use super::body::from_json;
use super::cursor::{cursor_before, open_cursor};
use crate::request::{Command, InvalidField};

/// A text is a cursor of a history in one spelling only.
///
/// # Panics
/// Another spelling was taken.
pub fn history_cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some((id, version)) = open_cursor(text) {
        assert_eq!(cursor_before(id, version), text);
    }
    let Some((version, id)) = data.split_last_chunk::<16>() else { return };
    let Some(version) = version.last_chunk::<8>() else { return };
    let at = (BusinessId(uuid::Uuid::from_bytes(*id)), StreamVersion(u64::from_be_bytes(*version)));
    assert_eq!(open_cursor(&cursor_before(at.0, at.1)), Some(at));
}

/// The first byte names the command, the rest is its body. Whatever is wrong with it, pointers lead to a place in it.
///
/// # Panics
/// A pointer leads nowhere.
pub fn pointers(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let id = BusinessId(uuid::Uuid::from_u128(1));
    let slug = || "food".to_owned();
    match kind % 9 {
        0 => check(body, |facts| Command::RegisterBusiness(Box::new(facts))),
        1 => check(body, |facts| Command::UpsertBusinessFromSource(Box::new(facts))),
        2 => check(body, |changes| Command::ChangeBusinessDetails(id, Box::new(changes))),
        3 => check(body, |place| Command::RelocateBusiness(id, Box::new(place))),
        4 => check(body, |categories| Command::RecategorizeBusiness(id, categories)),
        5 => check(body, |reason| Command::RemoveBusiness(id, reason)),
        6 => check(body, |node| Command::DefineCategory(slug(), node)),
        7 => check(body, |node| Command::DefineLocation(slug(), node)),
        _ => wrong_with_line(body).iter().for_each(|field| leads_somewhere(field, body)),
    }
}

fn check<T: DeserializeOwned>(body: &[u8], command: impl FnOnce(T) -> Command) {
    match from_json(body).map(command) {
        Err(field) => leads_somewhere(&field, body),
        Ok(command) => {
            command.validate().err().into_iter().flatten().for_each(|field| leads_somewhere(&field, body));
        }
    }
}

/// A pointer (RFC 6901) leads to a value of the body, or, if that is what is missing, to where it belongs.
fn leads_somewhere(field: &InvalidField, body: &[u8]) {
    let InvalidField { pointer, code, .. } = field;
    let well_formed = pointer.is_empty() || pointer.starts_with('/');
    let escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    assert!(well_formed && escaped, "{field:?} is no pointer");
    // Of text that is not JSON, or names a member twice, nobody can say where a pointer leads.
    let Ok(Unambiguous(true)) = serde_json::from_slice(body) else { return };
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let place = if code == "required" { pointer.rsplit_once('/').map_or("", |(parent, _)| parent) } else { pointer };
    assert!(value.pointer(place).is_some(), "{field:?} leads nowhere in {}", String::from_utf8_lossy(body));
}

/// Whether no object of a text has a member twice.
struct Unambiguous(bool);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut names = HashSet::new();
        let mut unambiguous = true;
        while let Some(name) = map.next_key::<String>()? {
            unambiguous &= map.next_value::<Unambiguous>()?.0 & names.insert(name);
        }
        Ok(unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut unambiguous = true;
        while let Some(Unambiguous(item)) = seq.next_element()? {
            unambiguous &= item;
        }
        Ok(unambiguous)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
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
        replay("cursor", super::history_cursor);
        replay("pointers", super::pointers);
    }
}

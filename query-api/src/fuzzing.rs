//! What the fuzzer `cursor` asks of cursors. Not part of the product; see `fuzz/`.

use views::{LIST_VERSION, ListId, Ordinal, Sort, Tree};

use crate::cursor::{Cursors, Place};
use crate::problems::ReadError;

/// No text is a cursor but those that were signed here, and those go on in their own place only.
///
/// # Panics
/// A cursor was taken that should not be, or not given back as it was.
pub fn cursor(data: &[u8]) {
    let cursors = Cursors::new(&[7; 32], events::JournalId(uuid::Uuid::nil()));
    let places = places(data);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(matches!(cursors.open(text, places[0]), Err(ReadError::Cursor)), "{text:?} is nobody's cursor");
    }
    let Some((version, payload)) = data.split_first() else { return };
    // Signed with the right key: what another version of this program may have made.
    let sealed = cursors.seal(*version, places[0], payload);
    match cursors.open(&sealed, places[0]) {
        Ok(key) => assert_eq!((key.as_slice(), *version), (payload, LIST_VERSION)),
        Err(ReadError::CursorExpired) => assert_ne!(*version, LIST_VERSION),
        // Longer than any cursor.
        Err(_) => assert!(sealed.len() > 512),
    }
    if *version == LIST_VERSION {
        assert!(cursors.open(&sealed, places[1]).is_err(), "it is another list's");
    }
    if !sealed.is_empty() {
        let at = payload.len() * 31 % sealed.len();
        let other = if sealed.as_bytes()[at] == b'A' { "B" } else { "A" };
        let forged = format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]);
        assert!(matches!(cursors.open(&forged, places[0]), Err(ReadError::Cursor)), "character {at} does not matter");
    }
}

/// Two places that differ.
fn places(data: &[u8]) -> [Place; 2] {
    let number = |at: usize| data.get(at).map(|byte| Ordinal(u64::from(*byte) + 1));
    let list = |category, location, sort| Place::List(ListId { category, location, sort });
    match data.last().map_or(0, |byte| byte % 4) {
        0 => [list(None, number(1), Sort::Name), list(number(1), None, Sort::Best)],
        1 => [list(number(1), number(2), Sort::Best), list(number(1), number(2), Sort::Name)],
        2 => [Place::Children(Tree::Category, number(1)), Place::Children(Tree::Location, number(1))],
        _ => [Place::Children(Tree::Location, None), list(None, None, Sort::Name)],
    }
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("cursor", super::cursor);
    }
}

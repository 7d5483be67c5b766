//! Cursors: where a page of a list ended, signed.
//!
//! A cursor names its list and the last entry that was given, so that the next page begins after it whatever has
//! changed since. It is signed because it carries internal names that no client should make up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::JournalId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use views::{EntryKey, LIST_VERSION, ListId, Ordinal, Tree};

use crate::problems::ReadError;

/// Longer text is refused unread.
const CURSOR_BYTES_MAX: usize = 512;

/// Of the HMAC-SHA-256 this many bytes are kept (RFC 2104, section 5, allows half).
const TAG_BYTES: usize = 16;

/// What a cursor goes on in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A ranked list of businesses.
    List(ListId),
    /// The children of a node.
    Children(Tree, Option<Ordinal>),
}

impl Place {
    fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        let (kind, first, second, sort) = match self {
            Self::List(list) => (b'l', list.category, list.location, list.sort.tag()),
            Self::Children(Tree::Category, parent) => (b'c', parent, None, 0),
            Self::Children(Tree::Location, parent) => (b'p', parent, None, 0),
        };
        bytes[0] = kind;
        // No node has ordinal 0: positions begin at 1.
        bytes[1..9].copy_from_slice(&first.map_or(0, |o| o.0).to_be_bytes());
        bytes[9..17].copy_from_slice(&second.map_or(0, |o| o.0).to_be_bytes());
        bytes[17] = sort;
        bytes
    }
}

/// Makes and reads cursors.
pub(crate) struct Cursors {
    mac: Hmac<Sha256>,
}

impl Cursors {
    /// Of one journal: cursors name things by their position in it, and the key may outlive it.
    pub(crate) fn new(key: &[u8; 32], journal: JournalId) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(journal.0.as_bytes());
        Self { mac }
    }

    /// The cursor behind an entry of a list.
    pub(crate) fn after_entry(&self, list: ListId, entry: &EntryKey) -> String {
        self.seal(LIST_VERSION, Place::List(list), entry.as_bytes())
    }

    /// The cursor behind a child of a node.
    pub(crate) fn after_child(&self, tree: Tree, parent: Option<Ordinal>, slug: &str) -> String {
        self.seal(LIST_VERSION, Place::Children(tree, parent), slug.as_bytes())
    }

    /// The last entry that was given, out of a cursor of this very place.
    pub(crate) fn open(&self, cursor: &str, place: Place) -> Result<Vec<u8>, ReadError> {
        if cursor.len() > CURSOR_BYTES_MAX {
            return Err(ReadError::Cursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ReadError::Cursor)?;
        let (payload, tag) = bytes.split_last_chunk::<TAG_BYTES>().ok_or(ReadError::Cursor)?;
        let mut mac = self.mac.clone();
        mac.update(payload);
        mac.verify_truncated_left(tag).map_err(|_| ReadError::Cursor)?;
        // What is signed was ours: only now is another version an old cursor and not a made-up one.
        let (version, rest) = payload.split_first().ok_or(ReadError::Cursor)?;
        if *version != LIST_VERSION {
            return Err(ReadError::CursorExpired);
        }
        let key = rest.strip_prefix(&place.to_bytes()).ok_or(ReadError::Cursor)?;
        Ok(key.to_vec())
    }

    pub(crate) fn seal(&self, version: u8, place: Place, key: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(19 + key.len() + TAG_BYTES);
        bytes.push(version);
        bytes.extend(place.to_bytes());
        bytes.extend(key);
        let mut mac = self.mac.clone();
        mac.update(&bytes);
        bytes.extend(&mac.finalize().into_bytes()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use views::Sort;

    use super::*;

    const LIST: ListId = ListId { category: Some(Ordinal(3)), location: None, sort: Sort::Name };

    fn cursors() -> Cursors {
        Cursors::new(&[7; 32], JournalId(uuid::Uuid::nil()))
    }

    #[test]
    fn a_cursor_goes_on_where_it_was_made_and_nowhere_else() {
        let key = EntryKey::name("pizza", Ordinal(9));
        let cursor = cursors().after_entry(LIST, &key);
        assert_eq!(cursors().open(&cursor, Place::List(LIST)).unwrap(), key.as_bytes());
        let other_places = [
            Place::List(ListId { category: None, location: Some(Ordinal(3)), ..LIST }),
            Place::List(ListId { sort: Sort::Best, ..LIST }),
            Place::List(ListId { location: Some(Ordinal(3)), ..LIST }),
            Place::Children(Tree::Category, Some(Ordinal(3))),
        ];
        for place in other_places {
            assert!(matches!(cursors().open(&cursor, place), Err(ReadError::Cursor)), "{place:?}");
        }
        let child = cursors().after_child(Tree::Category, None, "food");
        assert_eq!(cursors().open(&child, Place::Children(Tree::Category, None)).unwrap(), b"food");
        assert!(cursors().open(&child, Place::Children(Tree::Location, None)).is_err());
    }

    #[test]
    fn an_older_order_is_gone_and_not_forged() {
        let old = cursors().seal(LIST_VERSION.wrapping_sub(1), Place::List(LIST), b"key");
        assert!(matches!(cursors().open(&old, Place::List(LIST)), Err(ReadError::CursorExpired)));
        let of_another_key = Cursors::new(&[8; 32], JournalId(uuid::Uuid::nil())).seal(
            LIST_VERSION.wrapping_sub(1),
            Place::List(LIST),
            b"key",
        );
        assert!(matches!(cursors().open(&of_another_key, Place::List(LIST)), Err(ReadError::Cursor)));
    }

    #[test]
    fn every_single_flipped_bit_is_noticed() {
        let cursor = cursors().after_entry(LIST, &EntryKey::name("pizza", Ordinal(9)));
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert!(matches!(cursors().open(&forged, Place::List(LIST)), Err(ReadError::Cursor)), "bit {bit}");
        }
        for cut in 0..cursor.len() {
            assert!(cursors().open(&cursor[..cut], Place::List(LIST)).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_opens(text in ".{0,600}") {
            prop_assert!(cursors().open(&text, Place::List(LIST)).is_err());
        }
    }
}

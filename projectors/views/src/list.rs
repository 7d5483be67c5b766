//! Ranked lists: which there are, and how their entries are ordered.
//!
//! An entry is its key: the sort value, then the business. The key orders entries byte by byte and gives the business
//! back, so that a block is nothing but sorted keys.

use serde::{Deserialize, Serialize};

use crate::key::Ordinal;

/// Version of the order of entries. A cursor of another version is refused (410).
pub const LIST_VERSION: u8 = 1;

/// How a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// By name, A to Z.
    Name,
    /// Last registered first.
    Newest,
    /// Highest score first.
    Best,
}

impl Sort {
    /// Every sort.
    pub const ALL: [Self; 3] = [Self::Name, Self::Newest, Self::Best];

    /// One byte that names the sort in keys and cursors.
    pub fn tag(self) -> u8 {
        match self {
            Self::Name => b'n',
            Self::Newest => b't',
            Self::Best => b'b',
        }
    }
}

/// A list: the open businesses of a category, of a location, or of both; of everything when neither is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The category, its descendants included.
    pub category: Option<Ordinal>,
    /// The location, its descendants included.
    pub location: Option<Ordinal>,
    /// The order.
    pub sort: Sort,
}

/// Bytes of a name that take part in the order; the rest is decided by the ordinal.
const NAME_PREFIX_BYTES: usize = 32;

/// Key of an entry in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(Vec<u8>);

impl EntryKey {
    /// By name; `folded` comes from [`crate::fold_name`].
    pub fn name(folded: &str, ordinal: Ordinal) -> Self {
        let mut cut = folded.len().min(NAME_PREFIX_BYTES);
        while !folded.is_char_boundary(cut) {
            cut -= 1;
        }
        let mut bytes = folded.as_bytes()[..cut].to_vec();
        // Nothing in a folded name sorts before the terminator: a shorter name goes first.
        bytes.push(0);
        push_ordinal(&mut bytes, ordinal);
        Self(bytes)
    }

    /// By registration, newest first.
    pub fn newest(ordinal: Ordinal) -> Self {
        let mut bytes = Vec::with_capacity(9);
        push_ordinal(&mut bytes, ordinal);
        bytes.iter_mut().for_each(|b| *b = !*b);
        Self(bytes)
    }

    /// By score, highest first; the older registration goes first among equals.
    pub fn best(score: u16, ordinal: Ordinal) -> Self {
        let mut bytes = (!score).to_be_bytes().to_vec();
        push_ordinal(&mut bytes, ordinal);
        Self(bytes)
    }

    /// A key from its bytes, as found in a block or a cursor.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes that order it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The business; `None` if the bytes are not a key of this sort.
    pub fn ordinal(&self, sort: Sort) -> Option<Ordinal> {
        match sort {
            Sort::Newest => {
                let bytes: Vec<u8> = self.0.iter().map(|b| !*b).collect();
                read_ordinal(&bytes)
            }
            Sort::Best => read_ordinal(self.0.get(2..)?),
            Sort::Name => {
                let terminator = self.0.iter().position(|b| *b == 0)?;
                read_ordinal(&self.0[terminator + 1..])
            }
        }
    }
}

/// Length, then as many bytes, big endian: shorter numbers are smaller, so the order of bytes is the order of numbers.
fn push_ordinal(bytes: &mut Vec<u8>, ordinal: Ordinal) {
    let all = ordinal.0.to_be_bytes();
    let skip = all.iter().take_while(|b| **b == 0).count();
    bytes.push(u8::try_from(all.len() - skip).expect("at most 8"));
    bytes.extend(&all[skip..]);
}

fn read_ordinal(bytes: &[u8]) -> Option<Ordinal> {
    let (len, rest) = bytes.split_first()?;
    if usize::from(*len) != rest.len() || rest.len() > 8 {
        return None;
    }
    Some(Ordinal(rest.iter().fold(0, |n, b| n << 8 | u64::from(*b))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_entries_and_give_the_business_back() {
        let ordinals = [1, 255, 256, 65_535, 65_536, 1 << 40, u64::MAX].map(Ordinal);
        for pair in ordinals.windows(2) {
            assert!(EntryKey::newest(pair[0]) > EntryKey::newest(pair[1]));
            assert!(EntryKey::best(7, pair[0]) < EntryKey::best(7, pair[1]));
            assert!(EntryKey::best(8, pair[1]) < EntryKey::best(7, pair[0]));
            assert!(EntryKey::name("a", pair[0]) < EntryKey::name("a", pair[1]));
            assert!(EntryKey::name("a", pair[1]) < EntryKey::name("a b", pair[0]));
        }
        for ordinal in ordinals {
            assert_eq!(EntryKey::newest(ordinal).ordinal(Sort::Newest), Some(ordinal));
            assert_eq!(EntryKey::best(0, ordinal).ordinal(Sort::Best), Some(ordinal));
            assert_eq!(
                EntryKey::name("日本料理の店とその仲間たちの長い名前", ordinal).ordinal(Sort::Name),
                Some(ordinal)
            );
        }
        assert_eq!(EntryKey::from_bytes(&[]).ordinal(Sort::Best), None);
        assert_eq!(EntryKey::from_bytes(&[1, 2, 3]).ordinal(Sort::Name), None);
    }
}

//! Where a page of a history ended: the business and the oldest version that was given.
//!
//! Not signed, unlike the cursors of lists: it names nothing that its bearer, who holds the admin key, could not ask
//! for otherwise. A checksum finds what was cut off or mistyped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{BusinessId, StreamVersion};
use uuid::Uuid;

/// Tells this shape of a cursor from others.
const SHAPE: u8 = b'h';
const BYTES: usize = 1 + 16 + 8 + 4;
const CHARS: usize = (BYTES * 4).div_ceil(3);

/// The cursor behind the entry of this version.
pub(super) fn cursor_before(id: BusinessId, version: StreamVersion) -> String {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.push(SHAPE);
    bytes.extend(id.0.as_bytes());
    bytes.extend(version.0.to_be_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The business of a cursor and the version; `None` when it is not a cursor of a history.
pub(super) fn open_cursor(cursor: &str) -> Option<(BusinessId, StreamVersion)> {
    if cursor.len() != CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    let sound = content[0] == SHAPE && crc32c::crc32c(content).to_be_bytes() == *sum;
    let version = u64::from_be_bytes(content[17..].try_into().ok()?);
    sound.then_some((BusinessId(Uuid::from_slice(&content[1..17]).ok()?), StreamVersion(version)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_like_it_is() {
        let at = (BusinessId(Uuid::from_u128(7)), StreamVersion(300));
        let cursor = cursor_before(at.0, at.1);
        assert_eq!(open_cursor(&cursor), Some(at));
        for cut in 0..cursor.len() {
            assert_eq!(open_cursor(&cursor[..cut]), None);
        }
        for other in [format!("{cursor}A"), format!("{cursor}="), "é".repeat(20), cursor.replacen('a', "b", 1)] {
            assert_eq!(open_cursor(&other), None, "{other}");
        }
    }
}

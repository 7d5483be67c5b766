//! What a payload must be like to be folded, beyond its schema.
//!
//! Commands decide that; these checks only keep a wrong event from doing harm: it is parked instead.

use events::{Address, Point, RecordedEvent, StreamId};

use crate::port::ApplyError;

/// Keys of rows hold at most 511 bytes (LMDB), and a child row puts 10 bytes before the slug.
const SLUG_BYTES_MAX: usize = 480;

pub(super) fn poisonous<T>(words: impl Into<String>) -> Result<T, ApplyError> {
    Err(ApplyError::Poisonous(words.into()))
}

pub(super) fn check_slug(slug: &str) -> Result<(), ApplyError> {
    match slug.len() {
        1..=SLUG_BYTES_MAX => Ok(()),
        len => poisonous(format!("a slug of {len} bytes cannot name a row")),
    }
}

pub(super) fn check_point(point: Option<&Point>) -> Result<(), ApplyError> {
    match point {
        // The ranges refuse what is not a number as well.
        Some(Point { lat, lon }) if !((-90.0..=90.0).contains(lat) && (-180.0..=180.0).contains(lon)) => {
            poisonous(format!("{lat}, {lon} is no place on the earth"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_stream(event: &RecordedEvent, expected: StreamId) -> Result<(), ApplyError> {
    let stream = event.header.stream;
    if stream == expected {
        Ok(())
    } else {
        poisonous(format!("the payload is about {expected}, the stream is {stream}"))
    }
}

/// An address that says nothing is no address.
pub(super) fn known_address(address: Option<Address>) -> Option<Address> {
    address.filter(|address| *address != Address::default())
}

//! What kind of journal a file is, told from its first bytes, so that a foreign file is refused untouched.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::JournalError;

/// The number of the format of `schemas/sql/sqlite/journal.sql`.
pub(super) const FORMAT: u8 = 1;

/// "LWJ", the upper three bytes of the application id.
const MARK: u32 = 0x4c57_4a00;

/// <https://www.sqlite.org/fileformat2.html#the_database_header>
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// `application_id` of a journal that this program makes.
pub(super) fn application_id() -> i32 {
    (MARK | u32::from(FORMAT)).cast_signed()
}

/// `user_version` of a journal that this program makes.
pub(super) fn user_version() -> i32 {
    events::schema_fingerprint().cast_signed()
}

/// Whether there is a journal, and one that this program may open. Only reads, and only the header.
pub(super) fn check(path: &Path) -> Result<bool, JournalError> {
    let header = match read_header(path) {
        Ok(header) => header,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(JournalError::Engine { operation: "read the journal's header", source: Box::new(error) });
        }
    };
    let refused = |found: String, expected: String| {
        Err(JournalError::Format { path: path.display().to_string(), found, expected })
    };
    let Some(header) = header.filter(|header| header.starts_with(MAGIC)) else {
        return refused("unknown (not a SQLite file)".to_owned(), FORMAT.to_string());
    };
    let application_id = number_at(&header, APPLICATION_ID_AT);
    if application_id & 0xffff_ff00 != MARK {
        return refused("unknown (a SQLite file of another program)".to_owned(), FORMAT.to_string());
    }
    let format = application_id & 0xff;
    if format != u32::from(FORMAT) {
        return refused(format.to_string(), FORMAT.to_string());
    }
    let fingerprint = number_at(&header, USER_VERSION_AT);
    if fingerprint != events::schema_fingerprint() {
        return refused(
            format!("{FORMAT} with event schemas {fingerprint:08x}"),
            format!(
                "{FORMAT} with event schemas {:08x} (schemas may change until v0.1: move the data folder away and \
                 import the data again)",
                events::schema_fingerprint()
            ),
        );
    }
    Ok(true)
}

/// `None` for a file that is shorter than a header.
fn read_header(path: &Path) -> io::Result<Option<[u8; HEADER_BYTES]>> {
    let mut header = [0; HEADER_BYTES];
    match File::open(path)?.read_exact(&mut header) {
        Ok(()) => Ok(Some(header)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn number_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let bytes = header[at..at + 4].try_into().expect("four bytes were taken");
    u32::from_be_bytes(bytes)
}

//! From the encoding of a CSV file to text. What cannot be decoded is told with its byte, never replaced.
//!
//! In UTF-8 and in encodings of one byte a character, separators are themselves, so rows are cut first and fields
//! decoded one by one. Others (UTF-16, Shift_JIS) are decoded before rows are cut; a byte that is wrong then becomes
//! [`MARK`], and its place is remembered.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// Stands where bytes could not be decoded: a noncharacter, which no text has.
pub(super) const MARK: char = '\u{ffff}';

const CHUNK_BYTES: usize = 16 * 1024;

/// What begins like this is in this encoding, whatever anybody says; and how long the mark is.
pub(super) fn byte_order_mark(start: &[u8]) -> Option<(&'static Encoding, usize)> {
    Encoding::for_bom(start)
}

/// Whether rows can be cut before their fields are decoded.
pub(super) fn keeps_separators(encoding: &'static Encoding) -> bool {
    encoding == UTF_8 || encoding.is_single_byte()
}

/// Decodes a field. An error is the offset of the byte in it that means nothing.
pub(super) fn decode_field(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, usize> {
    if encoding == UTF_8 {
        return std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| e.valid_up_to());
    }
    let is_wrong = |text: &str| text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}' | '\u{fffd}'));
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        // A byte that a code page leaves open is decoded to a control character nobody uses.
        Some(text) if !is_wrong(&text) => Ok(text.into_owned()),
        _ => Err(bytes
            .iter()
            .position(|byte| {
                let one = encoding.decode_without_bom_handling_and_without_replacement(std::slice::from_ref(byte));
                one.is_none_or(|text| is_wrong(&text))
            })
            .unwrap_or_default()),
    }
}

/// Where bytes that mean nothing are: the offset in the file, and the byte. In the order of their marks.
pub(super) type Undecoded = Rc<RefCell<VecDeque<(u64, u8)>>>;

/// Turns a file into UTF-8 on the way to a parser.
pub(super) struct Transcoded<R> {
    reader: R,
    decoder: Decoder,
    /// Bytes of the file that were decoded.
    offset: u64,
    /// Decoded, not yet read.
    text: Vec<u8>,
    read: usize,
    is_at_end: bool,
    undecoded: Undecoded,
}

impl<R: BufRead> Transcoded<R> {
    /// Decodes what comes; `offset` bytes of the file came before it.
    pub(super) fn new(reader: R, encoding: &'static Encoding, offset: u64, undecoded: Undecoded) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { reader, decoder, offset, text: Vec::new(), read: 0, is_at_end: false, undecoded }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.read = 0;
        self.text.resize(CHUNK_BYTES, 0);
        let input = self.reader.fill_buf()?;
        let last = input.is_empty();
        let (result, used, written) = self.decoder.decode_to_utf8_without_replacement(input, &mut self.text, last);
        let wrong = match result {
            DecoderResult::Malformed(bytes, after) => {
                let back = usize::from(bytes) + usize::from(after);
                // The first byte of what is wrong may have come with an earlier buffer.
                let byte = used.checked_sub(back).map_or(0, |at| input[at]);
                Some(((self.offset + used as u64).saturating_sub(back as u64), byte))
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => None,
        };
        self.reader.consume(used);
        self.offset += used as u64;
        self.text.truncate(written);
        self.is_at_end = last && matches!(result, DecoderResult::InputEmpty);
        if let Some(wrong) = wrong {
            self.undecoded.borrow_mut().push_back(wrong);
            let mut mark = [0; 4];
            self.text.extend_from_slice(MARK.encode_utf8(&mut mark).as_bytes());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Transcoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.text.len() {
            if self.is_at_end {
                return Ok(0);
            }
            self.fill()?;
        }
        let ready = &self.text[self.read..];
        let n = ready.len().min(out.len());
        out[..n].copy_from_slice(&ready[..n]);
        self.read += n;
        Ok(n)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1252};

    use super::*;

    #[test]
    fn a_byte_that_means_nothing_is_named_and_never_replaced() {
        assert_eq!(decode_field(WINDOWS_1252, b"Caf\xe9 \x80").unwrap(), "Café €");
        assert_eq!(decode_field(WINDOWS_1252, b"ab\x81c"), Err(2));
        assert_eq!(decode_field(UTF_8, b"Caf\xe9"), Err(3));
    }

    fn transcoded(encoding: &'static Encoding, bytes: &[u8], buffer: usize) -> (String, Vec<(u64, u8)>) {
        let undecoded = Undecoded::default();
        let reader = io::BufReader::with_capacity(buffer, bytes);
        let mut text = String::new();
        Transcoded::new(reader, encoding, 2, undecoded.clone()).read_to_string(&mut text).unwrap();
        (text, undecoded.borrow().iter().copied().collect())
    }

    #[test]
    fn whole_files_are_decoded_whatever_the_buffers() {
        for buffer in [1, 2, 3, 1_000] {
            let utf_16: Vec<u8> = "a,é\n𝄞".encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(transcoded(UTF_16LE, &utf_16, buffer), ("a,é\n𝄞".to_owned(), Vec::new()));
            assert_eq!(transcoded(SHIFT_JIS, b"\x91\xe5\x8d\xe3", buffer).0, "大阪");
        }
        // Half of a pair.
        let (text, wrong) = transcoded(UTF_16LE, &[b'a', 0, 0x00, 0xd8, b'b', 0], 1_000);
        assert_eq!(text, format!("a{MARK}b"));
        assert_eq!(wrong, [(4, 0x00)]);
    }
}

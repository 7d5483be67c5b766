//! Counts lines on the way to a parser, and ends the reading when a row does not end.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// How far a parser has read; shared with who takes its rows.
pub(super) struct Progress {
    line: Cell<u64>,
    bytes: Cell<u64>,
    last_row_end: Cell<u64>,
    max_bytes: usize,
}

impl Progress {
    /// At the beginning of a file with rows of at most so many bytes.
    pub(super) fn new(max_bytes: usize) -> Rc<Self> {
        Rc::new(Self { line: Cell::new(1), bytes: Cell::new(0), last_row_end: Cell::new(0), max_bytes })
    }

    /// The line that was reached, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line.get()
    }

    /// A row ended where the parser has read to.
    pub(super) fn row_ended(&self) {
        self.last_row_end.set(self.bytes.get());
    }

    /// A row ended at this byte; the parser has read ahead.
    pub(super) fn row_ended_at(&self, byte: u64) {
        self.last_row_end.set(byte);
    }
}

/// What a parser reads from.
pub(super) struct BoundedReader<R> {
    reader: R,
    progress: Rc<Progress>,
}

impl<R: BufRead> BoundedReader<R> {
    /// Reads within the bounds of this progress.
    pub(super) fn new(reader: R, progress: Rc<Progress>) -> Self {
        Self { reader, progress }
    }
}

impl<R: BufRead> Read for BoundedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let progress = &self.progress;
        // Who asks for more has used up what it has: all of it belongs to the row that has not ended yet.
        if progress.bytes.get() - progress.last_row_end.get() > progress.max_bytes as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, too_large(progress.max_bytes)));
        }
        let n = self.reader.read(out)?;
        progress.bytes.set(progress.bytes.get() + n as u64);
        let lines = out[..n].iter().filter(|&&b| b == b'\n').count();
        progress.line.set(progress.line.get() + lines as u64);
        Ok(n)
    }
}

/// The words for a row that does not end.
pub(super) fn too_large(max_bytes: usize) -> String {
    format!("a row is larger than {max_bytes} bytes (import.max_row_bytes)")
}

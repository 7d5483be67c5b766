//! Opens a file to import: plain, gzipped, or a member of a zip archive, and unpacks it within bounds.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use zip::ZipArchive;

use crate::exit::Refusal;

const BUFFER_BYTES: usize = 256 * 1024;

/// Small files may unpack to many times their size: the ratio says something from here on.
const RATIO_COUNTS_FROM_BYTES: u64 = 64 * 1024 * 1024;

/// The most members that are named when one must be chosen.
const MEMBERS_NAMED: usize = 20;

/// Bounds of what a packed file may unpack to.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnpackLimits {
    /// Bytes in all.
    pub bytes: u64,
    /// Times its packed size.
    pub ratio: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    ZipMember(usize),
}

/// A file that can be read, and the name of what is in it.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    path: PathBuf,
    packing: Packing,
    name: String,
}

impl SourceFile {
    /// Looks at the first bytes of a file, and chooses the member of an archive.
    ///
    /// # Errors
    /// There is no such file, it is packed in a way that is not known, or it is not clear which member is meant.
    pub(super) fn find(path: &Path, member: Option<&str>) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("{shown} cannot be opened"))?;
        anyhow::ensure!(file.metadata()?.is_file(), "{shown} is not a regular file");
        let mut reader = BufReader::new(file);
        let packing = packing_of(reader.fill_buf().with_context(|| format!("{shown} cannot be read"))?)
            .map_err(|packer| refuse(path, &format!("is packed with {packer}; gzip and zip are known")))?;
        if packing != Some(Packing::ZipMember(0)) {
            if let Some(member) = member {
                return Err(refuse(path, &format!("is not a zip archive, so it has no member {member:?}")));
            }
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            return Ok(Self { path: path.to_owned(), packing: packing.unwrap_or(Packing::Plain), name });
        }
        let archive = ZipArchive::new(reader).with_context(|| format!("{shown} is not a whole zip archive"))?;
        let (index, name) = choose_member(&archive, member).map_err(|reason| refuse(path, &reason))?;
        Ok(Self { path: path.to_owned(), packing: Packing::ZipMember(index), name })
    }

    /// The extension of what is in it, in lower case: `csv` for `places.CSV.gz`.
    pub(super) fn extension(&self) -> Option<String> {
        let mut name = self.name.to_ascii_lowercase();
        for packed in [".gz", ".gzip"] {
            if let Some(inner) = name.strip_suffix(packed) {
                name = inner.to_owned();
            }
        }
        Path::new(&name).extension().map(|extension| extension.to_string_lossy().into_owned())
    }

    /// Reads it from its beginning. The bar counts packed bytes.
    ///
    /// # Errors
    /// Whatever `take` says, or the file cannot be opened any more.
    pub(super) fn read<T>(
        &self,
        limits: UnpackLimits,
        bar: &ProgressBar,
        take: impl FnOnce(&mut dyn BufRead) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let shown = self.path.display();
        let file = File::open(&self.path).with_context(|| format!("{shown} cannot be opened"))?;
        bar.set_length(file.metadata()?.len());
        let packed = Rc::new(Cell::new(0));
        let counted = Counted { file, bytes: packed.clone(), bar: bar.clone() };
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, counted);
        let unpacked = |reader| Unpacked { reader, limits, packed: packed.clone(), bytes: 0 };
        match self.packing {
            Packing::Plain => take(&mut reader),
            Packing::Gzip => take(&mut buffered(unpacked(Box::new(MultiGzDecoder::new(reader))))),
            Packing::ZipMember(index) => {
                let mut archive = ZipArchive::new(reader).with_context(|| format!("{shown} is not a zip archive"))?;
                let member = archive.by_index(index).with_context(|| format!("{} cannot be unpacked", self.name))?;
                bar.set_length(member.compressed_size());
                bar.set_position(0);
                packed.set(0);
                let mut reader = buffered(unpacked(Box::new(member)));
                if packing_of(reader.fill_buf()?) == Ok(Some(Packing::Gzip)) {
                    let inner = unpacked(Box::new(MultiGzDecoder::new(reader)));
                    return take(&mut buffered(inner));
                }
                take(&mut reader)
            }
        }
    }
}

fn refuse(path: &Path, reason: &str) -> anyhow::Error {
    Refusal::Configuration(format!("{} {reason}", path.display())).into()
}

fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER_BYTES, reader)
}

/// Told by the first bytes, not by a name. An error names a packer that is not known here.
fn packing_of(start: &[u8]) -> Result<Option<Packing>, &'static str> {
    let known: [(&[u8], Result<Packing, &'static str>); 6] = [
        (&[0x1f, 0x8b], Ok(Packing::Gzip)),
        (b"PK\x03\x04", Ok(Packing::ZipMember(0))),
        (b"PK\x05\x06", Ok(Packing::ZipMember(0))),
        (&[0x28, 0xb5, 0x2f, 0xfd], Err("zstd")),
        (&[0xfd, b'7', b'z', b'X', b'Z'], Err("xz")),
        (b"BZh", Err("bzip2")),
    ];
    known.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, packing)| packing).transpose()
}

/// The member of this name, or the only one there is.
fn choose_member<R: Read + Seek>(archive: &ZipArchive<R>, wanted: Option<&str>) -> Result<(usize, String), String> {
    let mut members = Vec::new();
    for (index, name) in archive.file_names().enumerate() {
        let name = name.map_err(|e| format!("has a member whose name cannot be read: {e}"))?.into_owned();
        // Folders, and what the Finder of macOS adds beside every file.
        if !name.ends_with('/') && !name.starts_with("__MACOSX/") {
            members.push((index, name));
        }
    }
    let mut names: Vec<String> = members.iter().map(|(_, name)| name.clone()).collect();
    if let Some(more) = names.len().checked_sub(MEMBERS_NAMED).filter(|more| *more > 0) {
        names.truncate(MEMBERS_NAMED);
        names.push(format!("and {more} more"));
    }
    let names = names.join(", ");
    match (wanted, members.len()) {
        (Some(wanted), _) => members
            .into_iter()
            .find(|(_, name)| name == wanted)
            .ok_or_else(|| format!("has no member {wanted:?}; it has: {names}")),
        (None, 1) => Ok(members.remove(0)),
        (None, 0) => Err("is an archive without files".to_owned()),
        (None, _) => Err(format!("has several members; choose one with --member: {names}")),
    }
}

/// Counts what is read from the disk.
struct Counted {
    file: File,
    bytes: Rc<Cell<u64>>,
    bar: ProgressBar,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(out)?;
        self.bytes.set(self.bytes.get() + n as u64);
        self.bar.inc(n as u64);
        Ok(n)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Ends the reading of what unpacks to far more than files do.
struct Unpacked<'r> {
    reader: Box<dyn Read + 'r>,
    limits: UnpackLimits,
    packed: Rc<Cell<u64>>,
    bytes: u64,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        self.bytes += n as u64;
        let UnpackLimits { bytes, ratio } = self.limits;
        let refuse = |reason: String| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        if self.bytes > bytes {
            return refuse(format!("it unpacks to more than {bytes} bytes (import.max_unpacked_gib)"));
        }
        let packed = self.packed.get().max(1);
        if self.bytes > RATIO_COUNTS_FROM_BYTES && self.bytes / packed > ratio {
            return refuse(format!("it unpacks to more than {ratio} times its size (import.max_unpack_ratio)"));
        }
        Ok(n)
    }
}

#[cfg(test)]
#[path = "source_file_tests.rs"]
mod tests;

#![allow(clippy::unwrap_used)]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const LIMITS: UnpackLimits = UnpackLimits { bytes: 1 << 40, ratio: 250 };

fn text_of(file: &SourceFile, limits: UnpackLimits) -> anyhow::Result<String> {
    file.read(limits, &ProgressBar::hidden(), |reader| {
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        Ok(text)
    })
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(folder: &TempDir, members: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.path().join("a.zip");
    let mut archive = ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in members {
        if name.ends_with('/') {
            archive.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap();
    path
}

#[test]
fn what_a_file_is_packed_with_is_told_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        SourceFile::find(&path, None)
    };
    let plain = write("Places.CSV", b"plain").unwrap();
    assert_eq!((plain.extension().as_deref(), text_of(&plain, LIMITS).unwrap().as_str()), (Some("csv"), "plain"));
    let packed = write("places.json.gz", &gzipped(b"packed")).unwrap();
    assert_eq!((packed.extension().as_deref(), text_of(&packed, LIMITS).unwrap().as_str()), (Some("json"), "packed"));
    assert_eq!(text_of(&write("empty.csv", b"").unwrap(), LIMITS).unwrap(), "");
    let unknown = write("places.csv.xz", b"\xfd7zXZ\x00rest").unwrap_err().to_string();
    assert!(unknown.contains("packed with xz"), "{unknown}");
    assert!(SourceFile::find(folder.path(), None).unwrap_err().to_string().contains("not a regular file"));
    assert!(format!("{:#}", write("half.zip", b"PK\x03\x04 and no more").unwrap_err()).contains("whole zip archive"));
    let member = SourceFile::find(&folder.path().join("empty.csv"), Some("x")).unwrap_err().to_string();
    assert!(member.contains("not a zip archive"), "{member}");
}

#[test]
fn the_only_member_is_taken_and_of_several_the_named_one() {
    let folder = tempfile::tempdir().unwrap();
    let one = zipped(&folder, &[("data/", b""), ("data/places.ndjson", b"one"), ("__MACOSX/data/._places", b"x")]);
    let file = SourceFile::find(&one, None).unwrap();
    assert_eq!((file.extension().as_deref(), text_of(&file, LIMITS).unwrap().as_str()), (Some("ndjson"), "one"));

    let two = zipped(&folder, &[("a.csv", b"a"), ("b.csv.gz", &gzipped(b"b"))]);
    let which = SourceFile::find(&two, None).unwrap_err().to_string();
    assert!(which.contains("--member: a.csv, b.csv.gz"), "{which}");
    assert!(SourceFile::find(&two, Some("c.csv")).unwrap_err().to_string().contains("no member \"c.csv\""));
    let file = SourceFile::find(&two, Some("b.csv.gz")).unwrap();
    assert_eq!((file.extension().as_deref(), text_of(&file, LIMITS).unwrap().as_str()), (Some("csv"), "b"));
    assert!(SourceFile::find(&zipped(&folder, &[]), None).unwrap_err().to_string().contains("without files"));
}

#[test]
fn what_unpacks_to_far_more_than_files_do_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; 80 << 20];
    let count = |file: &SourceFile, limits| {
        file.read(limits, &ProgressBar::hidden(), |reader| Ok(io::copy(reader, &mut io::sink())?))
            .map_err(|e| format!("{e:#}"))
    };
    let zip = SourceFile::find(&zipped(&folder, &[("zeros.csv", &zeros)]), None).unwrap();
    assert!(count(&zip, LIMITS).unwrap_err().contains("more than 250 times"));
    assert!(count(&zip, UnpackLimits { bytes: 1_000, ratio: 2_000 }).unwrap_err().contains("more than 1000 bytes"));
    assert_eq!(count(&zip, UnpackLimits { ratio: 2_000, ..LIMITS }).unwrap(), 80 << 20);
    let path = folder.path().join("zeros.csv.gz");
    std::fs::write(&path, gzipped(&zeros)).unwrap();
    assert!(count(&SourceFile::find(&path, None).unwrap(), LIMITS).unwrap_err().contains("import.max_unpack_ratio"));
}

#![allow(clippy::unwrap_used)]

use encoding_rs::{UTF_16LE, WINDOWS_1252};

use super::*;

const COMMAS: CsvShape = CsvShape { delimiter: b',', quote: Some(b'"'), encoding: UTF_8 };

type Seen = Vec<(u64, u64, String)>;

/// Rows as `a|b`, broken ones as their code and detail.
fn read(bytes: &[u8], shape: CsvShape, wanted: &[&str]) -> (Seen, Result<(), String>) {
    let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    let mut seen = Vec::new();
    let result = read_csv(&mut &bytes[..], shape, &wanted, 300, &mut |row: RawRow| {
        let said = match row.content {
            RowContent::Record(Record { undecodable: Some(finding), .. }) | RowContent::Broken(finding) => {
                format!("{}: {}", finding.code, finding.detail)
            }
            RowContent::Record(record) => record.values.join("|").trim_end_matches('\r').to_owned(),
            other => panic!("{other:?}"),
        };
        seen.push((row.number, row.line, said));
        true
    });
    (seen, result.map_err(|e| format!("{e:#}")))
}

fn rows(seen: &Seen) -> Vec<(u64, u64, &str)> {
    seen.iter().map(|(number, line, said)| (*number, *line, said.as_str())).collect()
}

#[test]
fn quotes_line_breaks_and_blank_lines_are_what_they_are() {
    let text = b"id,name\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,d\"e\n3,\n";
    let (seen, result) = read(text, COMMAS, &["id", "name"]);
    assert_eq!(rows(&seen), [(1, 2, "1|a, \"b\"\r\nc"), (2, 5, "2|d\"e"), (3, 6, "3|")]);
    result.unwrap();
    let semicolons = CsvShape { delimiter: b';', quote: None, ..COMMAS };
    let (seen, _) = read(b"id;name\n1;\"a\"\n", semicolons, &[]);
    assert_eq!(rows(&seen), [(1, 2, "1|\"a\"")]);
}

#[test]
fn a_wrong_row_is_told_and_the_next_is_read() {
    let code_page = CsvShape { encoding: WINDOWS_1252, ..COMMAS };
    let (seen, result) = read(b"id,name\n1,Caf\xe9\n2,\"x\ny\x8d\"\n3\n4,z\n", code_page, &["id"]);
    result.unwrap();
    assert_eq!(
        rows(&seen),
        [
            (1, 2, "1|Café"),
            (2, 3, "undecodable: column \"name\" on line 4: byte 0x8d is not windows-1252"),
            (3, 5, "wrong_number_of_fields: 1 fields, and the header has 2"),
            (4, 6, "4|z"),
        ]
    );
    let (seen, _) = read(b"id,name\n1,Caf\xe9\n2,b\n", COMMAS, &[]);
    assert_eq!(seen[0].2, "undecodable: column \"name\" on line 2: byte 0xe9 is not UTF-8");
    assert_eq!(seen[1].2, "2|b");
}

#[test]
fn a_byte_order_mark_is_believed_and_not_part_of_the_first_name() {
    let (seen, result) =
        read(b"\xef\xbb\xbfid,name\n1,\xc3\xa9\n", CsvShape { encoding: WINDOWS_1252, ..COMMAS }, &["id"]);
    result.unwrap();
    assert_eq!(seen[0].2, "1|é");
    let mut text = vec![0xff, 0xfe];
    text.extend("id,name\n1,大阪\n2,".encode_utf16().flat_map(u16::to_le_bytes));
    text.extend([0x00, 0xdc]);
    text.extend("x\n3,y\n".encode_utf16().flat_map(u16::to_le_bytes));
    let (seen, result) = read(&text, COMMAS, &["id", "name"]);
    result.unwrap();
    assert_eq!(seen[0].2, "1|大阪");
    assert_eq!(seen[1].2, "undecodable: column \"name\" on line 3: byte 0x00 at 32 of the file is not UTF-16LE");
    assert_eq!(seen[2].2, "3|y");
    let without_mark = CsvShape { encoding: UTF_16LE, ..COMMAS };
    assert_eq!(read(&text[2..], without_mark, &["id"]).0.len(), 3);
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_words() {
    let error = |bytes: &[u8], wanted: &[&str]| read(bytes, COMMAS, wanted).1.unwrap_err();
    assert!(error(b"", &[]).contains("empty"));
    let missing = error(b"id,name\n1,a\n", &["name", "city"]);
    assert!(missing.contains("does not have: city. It has: id, name"), "{missing}");
    assert!(error(b"id,id\n", &[]).contains("two columns"));
    let (seen, result) = read(format!("id,name\n1,a\n2,\"{}", "x,\n".repeat(100_000)).as_bytes(), COMMAS, &[]);
    assert_eq!(seen.len(), 1);
    let endless = result.unwrap_err();
    assert!(endless.contains("begins on line 3") && endless.contains("larger than 300 bytes"), "{endless}");
}

//! `tests/fixtures/shops.csv` and files like it: windows-1252, semicolons, and the dirt of real files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::{import_with, report, root};

/// An import with the mapping of the shops and these options.
pub(crate) fn import_shops(folder: &Path, file: &Path, options: &[&str]) -> Command {
    let mut command = import_with(folder, file, &root().join("tests/fixtures/shops.toml"));
    command.args(options);
    command
}

pub(crate) fn fixture() -> PathBuf {
    root().join("tests/fixtures/shops.csv")
}

/// Lines of the report as `outcome id what`, sorted.
pub(crate) fn told(folder: &Path) -> BTreeSet<String> {
    report(folder)
        .iter()
        .map(|line| {
            let id = line["external_id"].as_str().unwrap_or("-");
            let members = line["members"]
                .as_array()
                .map(|members| members.iter().map(|member| member.as_str().unwrap()).collect::<Vec<_>>().join(" "));
            let what = members.or_else(|| line["code"].as_str().map(str::to_owned)).unwrap_or_default();
            format!("{} {id} {what}", line["outcome"].as_str().unwrap()).trim_end().to_owned()
        })
        .collect()
}

pub(crate) fn expected(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

pub(crate) fn succeeded(output: &Output) -> String {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn every_row_of_a_dirty_csv_file_is_taken_or_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let dry = import_shops(folder.path(), &fixture(), &["--dry-run"]).output().await.unwrap();
    succeeded(&dry);
    assert!(!folder.path().join("data").exists(), "a dry run makes no data folder");
    let rehearsed = told(folder.path());
    succeeded(&import_shops(folder.path(), &fixture(), &[]).output().await.unwrap());
    assert_eq!(told(folder.path()), rehearsed, "what was done is what the dry run said");
    assert_eq!(
        rehearsed,
        expected(&[
            "new 1",
            "new 2",
            "rejected - required",
            "new 4",
            "warning 4 not_a_number",
            "rejected 2 duplicate_id",
            "rejected 6 too_long",
            "rejected 7 undecodable",
            "rejected - wrong_number_of_fields",
            "new 9",
            "warning 9 zero",
            "warning 9 invalid",
            "new 10",
            "warning 10 out_of_range",
            "warning 10 too_long",
            "rejected 11 unknown_value",
            "skipped 12 skipped",
            "rejected 13 required",
            "new 14",
            "warning 14 invalid",
        ])
    );
    let lines = report(folder.path());
    let of = |code: &str| lines.iter().find(|line| line["code"] == code).unwrap();
    assert_eq!((&of("undecodable")["row"], &of("undecodable")["line"]), (&7.into(), &9.into()));
    assert!(of("undecodable")["detail"].as_str().unwrap().contains("column \"name\" on line 9: byte 0x81"));
    assert_eq!(of("wrong_number_of_fields")["line"], 10);

    // A second run: nothing is new, nothing changed, and what cannot be told apart closes nothing.
    let again = succeeded(&import_shops(folder.path(), &fixture(), &[]).output().await.unwrap());
    assert!(again.contains("0 new, 0 changed, 6 unchanged"), "{again}");
}

#[tokio::test]
async fn a_file_that_does_not_fit_its_mapping_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--delimiter", ","], 1, "columns that the file does not have"),
        (&["--encoding", "klingon"], 3, "klingon"),
        (&["--member", "x"], 3, "not a zip archive"),
        (&["--format", "json"], 3, "delimiter is for the format csv"),
    ];
    for (options, code, named) in cases {
        let output = import_shops(folder.path(), &fixture(), options).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).replace("encoding is", "delimiter is");
        assert_eq!(output.status.code(), Some(code), "{options:?}: {said}");
        assert!(said.contains(named), "{options:?}: {said}");
    }
}

/// A file of so many shops, with some lines edited.
pub(crate) fn shops(folder: &Path, name: &str, count: u64, edit: impl Fn(u64) -> Option<Value>) -> PathBuf {
    let mut text = "id;name;kind;street;town;country;phone;website;lat;lon\n".to_owned();
    for id in 1..=count {
        let Some(edited) = edit(id) else { continue };
        let of = |field: &str, usual: &str| edited[field].as_str().unwrap_or(usual).to_owned();
        text.push_str(&format!(
            "{id};{};{};Street {id};Wien;{};+43 {id};;48.2{};16.3{}\n",
            of("name", &format!("Shop {id}")),
            of("kind", "baker"),
            of("country", "AT"),
            id % 10,
            id % 7
        ));
    }
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

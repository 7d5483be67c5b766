//! Synced before acknowledged, seen from outside: every system call that counts, in order, through `strace`.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// A system call, from the line where it began to the line where it returned.
#[derive(Debug)]
struct Call {
    name: String,
    /// Its arguments, with the path of the file behind the descriptor.
    arguments: String,
    begun: usize,
    returned: usize,
    result: i64,
}

/// Reads `strace -f -y`: a call that another thread interrupted is on two lines, put together again here.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((process, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(process, (number, begin));
            continue;
        }
        let (begun, begin, end) = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, end)) => {
                let (begun, begin) = unfinished.remove(process).expect("what is resumed was begun");
                (begun, begin, end)
            }
            None => (number, rest, rest),
        };
        let Some((name, arguments)) = begin.split_once('(') else { continue };
        let Some((_, result)) = end.rsplit_once(" = ") else { continue };
        let result = result.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(-1);
        calls.push(Call { name: name.to_owned(), arguments: arguments.to_owned(), begun, returned: number, result });
    }
    calls
}

/// What the helper said, and when: for each event of a word, the call that said it.
fn said<'c>(calls: &'c [Call], word: &str) -> Vec<(&'c str, &'c Call)> {
    let prefix = format!("\"{word} ");
    let lines = calls.iter().filter(|call| call.name == "write").filter_map(|call| {
        let (_, text) = call.arguments.split_once(&prefix)?;
        let (text, _) = text.split_once("\\n")?;
        Some((text.rsplit(' ').next()?, call))
    });
    lines.collect()
}

/// The acknowledgements that were given before what they acknowledge was written to the log and synced.
fn violations(calls: &[Call]) -> (usize, Vec<String>) {
    let on_log = |call: &&Call| call.arguments.contains("journal.db-wal>") && call.result >= 0;
    let writes: Vec<&Call> = calls.iter().filter(|call| call.name == "pwrite64").filter(on_log).collect();
    let syncs: Vec<&Call> =
        calls.iter().filter(|call| call.name == "fdatasync" || call.name == "fsync").filter(on_log).collect();
    let acknowledged: HashMap<&str, &Call> = said(calls, "ack").into_iter().collect();
    let mut violations = Vec::new();
    let mut checked = 0;
    for (event, tried) in said(calls, "try") {
        let Some(acknowledged) = acknowledged.get(event) else { continue };
        checked += 1;
        let synced = writes
            .iter()
            .filter(|write| write.begun > tried.returned)
            .any(|write| syncs.iter().any(|sync| sync.begun > write.returned && sync.returned < acknowledged.begun));
        if !synced {
            violations.push(event.to_owned());
        }
    }
    (checked, violations)
}

fn trace(tasks: &str, synchronous: &str) -> Vec<Call> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace");
    let writer = Command::new("strace")
        .args(["-f", "-y", "-s", "128", "-e", "trace=fdatasync,fsync,write,pwrite64", "-o"])
        .arg(&output)
        .arg(Path::new(env!("CARGO_BIN_EXE_journal_writer")))
        .arg(folder.path().join("journal.db"))
        .args([tasks, "25", synchronous])
        .output()
        .unwrap_or_else(|error| panic!("strace does not run ({error}): install the Debian package `strace`"));
    assert!(writer.status.success(), "{}", String::from_utf8_lossy(&writer.stderr));
    calls(&std::fs::read_to_string(output).unwrap())
}

#[test]
fn every_acknowledgement_of_one_client_follows_a_sync() {
    assert_eq!(violations(&trace("1", "full")), (25, vec![]));
}

#[test]
fn every_acknowledgement_of_a_group_follows_a_sync() {
    assert_eq!(violations(&trace("8", "full")), (8 * 25, vec![]));
}

/// The check can fail: without syncs it finds every acknowledgement.
#[test]
fn without_syncs_the_check_turns_red() {
    let (checked, found) = violations(&trace("1", "off"));
    assert_eq!((checked, found.len()), (25, 25));
}

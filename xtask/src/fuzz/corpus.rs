//! The inputs that a fuzzer begins with: in the repository an input in hexadecimal a line, for the fuzzer a file each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::{process, root, target};

/// A longer input is not kept.
const KEPT_BYTES_MAX: u32 = 512;

/// Where what was found lies on this machine.
fn found(name: &str) -> PathBuf {
    target().join("fuzz-corpus").join(name)
}

fn kept(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(name).with_extension("hex")
}

/// Lays what is kept beside what earlier runs found; the folder.
pub(super) fn unpack(name: &str) -> anyhow::Result<PathBuf> {
    let (folder, file) = (found(name), kept(name));
    fs::create_dir_all(&folder)?;
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    for (number, line) in text.lines().enumerate() {
        let input = from_hex(line).with_context(|| format!("{}, line {}", file.display(), number + 1))?;
        fs::write(folder.join(format!("kept-{number}")), input)?;
    }
    Ok(folder)
}

/// Writes the fewest of the inputs that reach the same branches, with a fuzzer's own way to choose them.
pub(super) fn keep(name: &str, run: &mut Command) -> anyhow::Result<()> {
    let chosen = found(&format!("{name}.chosen"));
    if chosen.exists() {
        fs::remove_dir_all(&chosen)?;
    }
    fs::create_dir_all(&chosen)?;
    run.arg(name).arg(&chosen).arg(found(name));
    run.args(["--", "-merge=1", "-use_counters=0"]).arg(format!("-max_len={KEPT_BYTES_MAX}"));
    ensure!(process::succeeds(run)?, "the inputs of {name} cannot be chosen");
    fs::write(kept(name), lines(&chosen)?)?;
    Ok(())
}

/// Short ones first, so that what is added later moves little.
fn lines(folder: &Path) -> anyhow::Result<String> {
    let mut inputs = Vec::new();
    for file in fs::read_dir(folder)? {
        inputs.push(fs::read(file?.path())?);
    }
    inputs.retain(|input| !input.is_empty());
    inputs.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    let mut text = String::new();
    for input in inputs {
        for byte in input {
            write!(text, "{byte:02x}")?;
        }
        text.push('\n');
    }
    Ok(text)
}

fn from_hex(line: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(line.is_ascii() && line.len().is_multiple_of(2), "two digits a byte are needed");
    (0..line.len()).step_by(2).map(|at| Ok(u8::from_str_radix(&line[at..at + 2], 16)?)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn inputs_survive_their_lines() {
        let folder = std::env::temp_dir().join(format!("xtask-corpus-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, input) in [("a", &b"\x00\xff"[..]), ("b", b"z"), ("c", b"")] {
            fs::write(folder.join(name), input).unwrap();
        }
        let text = lines(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(text.unwrap(), "7a\n00ff\n");
        assert_eq!(from_hex("00ff").unwrap(), [0, 255]);
        assert!(from_hex("0").is_err() && from_hex("zz").is_err() && from_hex("é").is_err());
    }
}

//! Runs cargo in the folder of the workspace.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::root;

/// The cargo that runs this program, with these arguments.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command with its output shown; whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command.status().with_context(|| format!("starting {:?}", command.get_program()))?;
    Ok(status.success())
}

/// Runs a command with its output shown, and gives each line of its standard output to `look`; whether it succeeded.
pub(crate) fn watch(command: &mut Command, mut look: impl FnMut(&str)) -> anyhow::Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
    let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?);
    let mut line = Vec::new();
    // Bytes, not text: a test may print what is not UTF-8, and its result still counts.
    while lines.read_until(b'\n', &mut line).context("reading its output")? > 0 {
        std::io::stdout().write_all(&line).context("showing its output")?;
        look(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(child.wait().context("waiting for its end")?.success())
}

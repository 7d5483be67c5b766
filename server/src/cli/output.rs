//! What the program tells its user on standard output.

use std::io::Write;

/// Prints a line; a reader that went away (`lawless | head`) is no failure.
pub fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    if let Err(e) = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush()) {
        tracing::debug!(error = %e, "standard output is closed");
    }
}

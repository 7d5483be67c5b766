//! File descriptors: every connection is one, and the stores need some, too.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Descriptors that are kept for files, and for what the program does besides.
const KEPT: u64 = 192;

/// Lets the process have as many descriptors as it may, and says how many of so many connections then fit.
pub(super) fn connections_that_fit(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => tracing::debug!(%error, "the limit of open files cannot be raised"),
        }
    }
    let fit = that_fit(limit.current, wanted);
    if fit < wanted {
        tracing::warn!(wanted, fit, "fewer connections than server.max_connections: too few open files are allowed");
    }
    fit
}

fn that_fit(limit: Option<u64>, wanted: usize) -> usize {
    let fit = limit.map_or(u64::MAX, |limit| limit.saturating_sub(KEPT).max(limit / 2).max(1));
    wanted.min(usize::try_from(fit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_left_for_files() {
        assert_eq!(that_fit(None, 4_096), 4_096);
        assert_eq!(that_fit(Some(20_000), 4_096), 4_096);
        assert_eq!(that_fit(Some(1_024), 4_096), 832);
        assert_eq!(that_fit(Some(256), 4_096), 128);
        assert_eq!(that_fit(Some(0), 4_096), 1);
    }
}

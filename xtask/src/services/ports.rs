//! Ports of the loopback.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;

use anyhow::Context;

/// Ports below are often those of something that everybody knows.
const FIRST: u16 = 10_000;
/// Where the kernel's own choice begins on most machines.
const EPHEMERAL: u16 = 32_768;
const TRIES: usize = 1_000;

/// The port in a file if it is free, else another one that is, which the file then holds: an engine that is ended and
/// started again is where it was, unless somebody else is there now.
pub(crate) fn kept(file: &Path) -> anyhow::Result<u16> {
    if let Some(port) = read(file).filter(|port| is_free(*port)) {
        return Ok(port);
    }
    let port = free()?;
    std::fs::write(file, port.to_string()).with_context(|| format!("writing {}", file.display()))?;
    Ok(port)
}

/// The port in a file.
pub(crate) fn read(file: &Path) -> Option<u16> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A port that nobody uses now, and that the kernel does not give to clients: one that asks an ended engine for an answer
/// again and again would at last be given the very port that it asks, speak with itself, and hold it.
fn free() -> anyhow::Result<u16> {
    let range = range();
    let random = || u16::try_from(RandomState::new().build_hasher().finish() % range.len() as u64);
    let candidates = (0..TRIES).filter_map(|_| random().ok()).map(|offset| range.start + offset);
    candidates.into_iter().find(|port| is_free(*port)).context("no port of the loopback is free")
}

fn range() -> Range<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ephemeral = text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(EPHEMERAL);
    // A machine that gives all ports to clients leaves no better choice.
    if ephemeral > FIRST { FIRST..ephemeral } else { FIRST..u16::MAX }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_until_somebody_else_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("port");
        let port = kept(&file).unwrap();
        assert!(range().contains(&port));
        assert_eq!(kept(&file).unwrap(), port);
        let _somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let other = kept(&file).unwrap();
        assert_ne!(other, port);
        assert_eq!(kept(&file).unwrap(), other);
    }
}

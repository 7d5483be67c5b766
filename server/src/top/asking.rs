//! Asks the running server for its metrics.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use reqwest::Client;

use super::scrape::Scrape;
use crate::folder::running_server;

/// A server that takes longer has other troubles.
const TIMEOUT: Duration = Duration::from_secs(5);

/// More is not what our server says.
const SCRAPE_BYTES_MAX: usize = 8 << 20;

/// Asks the server of a data folder, whichever it is at the moment.
pub(super) struct Asker {
    client: Client,
    folder: PathBuf,
}

/// What it said.
pub(super) struct Told {
    /// Where it was asked.
    pub(super) address: String,
    /// When.
    pub(super) at: Instant,
    /// What.
    pub(super) scrape: Scrape,
}

impl Asker {
    /// Asks the server of this folder.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { client: Client::builder().timeout(TIMEOUT).build()?, folder: folder.to_owned() })
    }

    /// Asks once.
    ///
    /// # Errors
    /// No server runs, or it does not tell.
    pub(super) async fn ask(&self) -> anyhow::Result<Told> {
        let Some(server) = running_server(&self.folder)? else {
            bail!("no server runs on {}, or it has only just begun to start", self.folder.display());
        };
        let address = server.admin;
        let words = || format!("the running server does not tell its metrics at http://{address}");
        let text = self.text(&address).await.with_context(words)?;
        let at = Instant::now();
        let scrape = Scrape::parse(&text).with_context(words)?;
        Ok(Told { address, at, scrape })
    }

    async fn text(&self, address: &str) -> anyhow::Result<String> {
        let mut response = self.client.get(format!("http://{address}/metrics")).send().await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await? {
            ensure!(bytes.len() + part.len() <= SCRAPE_BYTES_MAX, "its answer has no end");
            bytes.extend_from_slice(&part);
        }
        Ok(String::from_utf8(bytes)?)
    }
}

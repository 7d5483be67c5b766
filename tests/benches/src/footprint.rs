//! What a business costs: memory, disk, rows and bytes written; and how soon a stopped server is back. Half a minute.
//!
//! Commands are sent one by one, each waiting until its rows are there: the dearest case, in which no two commands share
//! a batch. A demo or an import shares much.

use std::sync::Arc;

use anyhow::{Context, ensure};
use events::BusinessId;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::demo_folder::{DemoFolder, Directory, disk_bytes};
use crate::load::{Connection, closed_loop, get, with_body};
use crate::made_up::registration;
use crate::process::Server;
use crate::{Bound, Measurement, Settings, median};

/// Commands of each kind.
const COMMANDS: usize = 200;
/// Restarts whose median counts.
const RESTARTS: usize = 3;
/// The header in which a server says how far a command came, and a client how far it must have come.
const CONSISTENCY: &str = "lawless-consistency";
/// The header of an answer that may be older than its token.
const STALE: &str = "lawless-stale";

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let demo = DemoFolder::prepare(settings).await?;
    let directory = demo.directory().await?;
    let folder = demo.copy()?;
    let data = folder.path().join("data");
    let per_business = |id: &str, bytes: f64, unit: &str| Measurement::new(id, bytes / demo.businesses as f64, unit);
    let journal = disk_bytes(&data.join("journal.sqlite"))? as f64;
    let views = disk_bytes(&data.join("views"))? as f64;
    let mut measurements = vec![
        per_business("footprint/journal-per-business", journal, "bytes on disk"),
        per_business("footprint/views-per-business", views, "bytes on disk"),
    ];

    let mut starts = Vec::new();
    for _ in 0..RESTARTS {
        let server = Server::start(folder.path()).await?;
        starts.push(server.ready_after.as_secs_f64());
        server.stop().await?;
    }
    let restart = Measurement::new("footprint/restart", median(&starts), "s until ready");
    measurements.push(restart.must(Bound::value_at_most(2.0)));

    let server = Server::start(folder.path()).await?;
    let memory = |id: &str, name: &str| {
        Ok::<_, anyhow::Error>(Measurement::new(id, server.kernel_figure("status", name)? / 1024.0, "MiB"))
    };
    measurements.push(memory("footprint/anonymous-at-start", "RssAnon")?);
    // Every page once: what a busy server has in memory.
    let pages = directory.businesses.iter().map(|id| get(&format!("/v1/businesses/{id}"), &[])).collect();
    closed_loop(server.api, &Arc::new(pages), 200).await.context("reading every page")?;
    measurements.push(memory("footprint/anonymous-after-every-page", "RssAnon")?);
    measurements.push(memory("footprint/mapped-after-every-page", "RssFile")?);

    measurements.extend(cost_of_commands(&server, "registration", &registrations(&server, &directory)?).await?);
    measurements.extend(cost_of_commands(&server, "change", &changes(&server, &directory)?).await?);
    Ok(measurements)
}

fn registrations(server: &Server, directory: &Directory) -> anyhow::Result<Vec<Vec<u8>>> {
    let (authorization, mut rng) = (server.authorization()?, ChaCha8Rng::seed_from_u64(3));
    let headers = [("authorization", authorization.as_str())];
    let body = |number| registration(&mut rng, number, &directory.categories);
    Ok((0..COMMANDS).map(body).map(|body| with_body("POST", "/v1/businesses", &headers, &body)).collect())
}

/// A new phone number: the page changes, the business stays where it is in every list.
fn changes(server: &Server, directory: &Directory) -> anyhow::Result<Vec<Vec<u8>>> {
    let authorization = server.authorization()?;
    let headers = [("authorization", authorization.as_str())];
    let change = |(number, id): (usize, &BusinessId)| {
        let body = json!({"phone": format!("+1 217 555 {number:04}")});
        with_body("PATCH", &format!("/v1/businesses/{id}"), &headers, &body)
    };
    // Some of the demo's are closed and refuse no change of details, but the first ones all live.
    let businesses = &directory.businesses;
    let step = (businesses.len() / COMMANDS).max(1);
    Ok(businesses.iter().step_by(step).take(COMMANDS).enumerate().map(change).collect())
}

/// What one of these commands makes the server write.
async fn cost_of_commands(server: &Server, kind: &str, commands: &[Vec<u8>]) -> anyhow::Result<Vec<Measurement>> {
    let before = written(server).await?;
    let mut connection = Connection::open(server.api).await?;
    for command in commands {
        let answer = connection.send(command).await?;
        ensure!((200..300).contains(&answer.status), "a {kind} was answered {}", answer.words());
        let token = answer.header(CONSISTENCY).context("a command is answered with a token")?;
        let body: serde_json::Value = serde_json::from_slice(answer.body).context("a command is answered in JSON")?;
        let id = body["id"].as_str().context("the answer names the business")?;
        // A read that carries the token waits until the rows of the command are there.
        let page = get(&format!("/v1/businesses/{id}"), &[(CONSISTENCY, token)]);
        let answer = connection.send(&page).await?;
        ensure!(answer.status == 200 && answer.header(STALE).is_none(), "a page was answered {}", answer.words());
    }
    let after = written(server).await?;
    let each = |i: usize| (after[i] - before[i]) / commands.len() as f64;
    Ok(vec![
        Measurement::new(&format!("footprint/rows-per-{kind}"), each(0), "rows"),
        Measurement::new(&format!("footprint/row-bytes-per-{kind}"), each(1), "bytes of rows and state"),
        Measurement::new(&format!("footprint/written-per-{kind}"), each(2), "bytes to files and sockets"),
    ])
}

/// Rows, bytes of rows and state, and bytes in all write calls, since the server started.
///
/// Not `write_bytes`, which counts whole folios of the page cache: many pages for one that changed.
async fn written(server: &Server) -> anyhow::Result<[f64; 3]> {
    Ok([
        server.metric("lawless_projection_rows_written_total").await?,
        server.metric("lawless_projection_bytes_written_total").await?,
        server.kernel_figure("io", "wchar")?,
    ])
}

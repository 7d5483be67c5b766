//! Reads per second of the server's processor time, against axum that gives the same bytes. About 1.5 minutes.
//!
//! The product serves its demo directory; pages are asked for as the curve of popularity has it. The control is axum
//! alone in a process of its own with one page of middle size, prepared: body and headers are the same, `date` and
//! `content-length` are made by the same library.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, ensure};
use events::BusinessId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::demo_folder::DemoFolder;
use crate::load::{Connection, closed_loop, get};
use crate::popularity::Popularity;
use crate::process::Server;
use crate::static_server::{RecordedAnswer, StaticServer};
use crate::{Bound, Measurement, Settings, interleave, median};

/// Answers that are looked at to find one of middle size.
const SAMPLE: usize = 500;
/// Runs of figures without a control.
const PLAIN_RUNS: usize = 3;

type Requests = Arc<Vec<Vec<u8>>>;

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let (pairs, requests) = if settings.quick { (1, 4_000) } else { (5, 100_000) };
    let demo = DemoFolder::prepare(settings).await?;
    let directory = demo.directory().await?;
    let server = Server::start(&demo.path).await?;

    let paths: Vec<String> =
        pick(&directory.businesses, requests).iter().map(|id| format!("/v1/businesses/{id}")).collect();
    let pages: Requests = Arc::new(paths.iter().map(|path| get(path, &[])).collect());
    let sample = &paths[..SAMPLE.min(paths.len())];
    let control =
        StaticServer::start(&page_of_middle_size(server.api, sample).await?, &settings.cache.join("page.json"))?;

    let product = async || rate(server.api, &pages, 200, || server.cpu_seconds()).await;
    let axum = async || rate(control.address, &pages, 200, || control.cpu_seconds()).await;
    // The first round warms both.
    product().await.context("reading pages of the product")?;
    axum().await.context("reading pages of the control")?;
    let plain = interleave(pairs, product, axum)
        .await?
        .measurement("reads/page", "requests/CPU-s")
        .must(Bound::ratio_at_least(0.4))
        .goal(Bound::ratio_at_least(0.6));

    let conditional = Arc::new(conditional_requests(server.api, &paths).await?);
    let lists = Arc::new(list_requests(&directory.categories, requests / 4));
    let mut measurements = vec![plain];
    for (id, requests, status) in [("reads/page-304", conditional, 304), ("reads/list-of-20", lists, 200)] {
        let mut rates = Vec::new();
        for _ in 0..=PLAIN_RUNS {
            rates.push(rate(server.api, &requests, status, || server.cpu_seconds()).await.context(id)?);
        }
        measurements.push(Measurement::new(id, median(&rates[1..]), "requests/CPU-s"));
    }
    // The demo folder is for the next bench.
    server.stop().await?;
    Ok(measurements)
}

/// Requests per second of processor time.
async fn rate(
    address: SocketAddr,
    requests: &Requests,
    status: u16,
    cpu_seconds: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let before = cpu_seconds()?;
    closed_loop(address, requests, status).await?;
    let used = cpu_seconds()? - before;
    ensure!(used > 0.0, "too few requests to see any processor time");
    Ok(requests.len() as f64 / used)
}

/// Of these pages the one whose size is nearest to their mean: the control moves as many bytes as the product.
async fn page_of_middle_size(address: SocketAddr, paths: &[String]) -> anyhow::Result<RecordedAnswer> {
    let mut connection = Connection::open(address).await?;
    let mut sizes = Vec::with_capacity(paths.len());
    for path in paths {
        sizes.push(connection.send(&get(path, &[])).await?.body.len());
    }
    let mean = sizes.iter().sum::<usize>() / sizes.len().max(1);
    let nearest = (0..sizes.len()).min_by_key(|i| sizes[*i].abs_diff(mean)).context("there are pages")?;
    RecordedAnswer::of(&connection.send(&get(&paths[nearest], &[])).await?)
}

/// The same requests, each with the tag that its page has now.
async fn conditional_requests(address: SocketAddr, paths: &[String]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut connection = Connection::open(address).await?;
    let mut requests = std::collections::HashMap::new();
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        if !requests.contains_key(path) {
            let answer = connection.send(&get(path, &[])).await?;
            let tag = answer.header("etag").context("a page has an ETag")?;
            requests.insert(path, get(path, &[("if-none-match", tag)]));
        }
        all.push(requests[path].clone());
    }
    Ok(all)
}

fn pick(businesses: &[BusinessId], count: usize) -> Vec<BusinessId> {
    let (curve, mut rng) = (Popularity::new(businesses.len()), ChaCha8Rng::seed_from_u64(1));
    (0..count).map(|_| businesses[curve.draw(&mut rng)]).collect()
}

fn list_requests(categories: &[String], count: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let path = |slug: &String| format!("/v1/categories/{slug}/businesses?limit=20");
    (0..count).map(|_| get(&path(&categories[rng.random_range(0..categories.len())]), &[])).collect()
}

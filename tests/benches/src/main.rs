//! Runs benches by name, prints one table and writes a file of figures for each.

use std::path::PathBuf;

use anyhow::{Context, bail};
use benches::{Measurement, Settings, print_table, serve_answer, write_journal, write_json};
use clap::Parser;

/// The one that the product has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benches there are, in the order in which they run.
const NAMES: &[&str] =
    &["journal", "postgres", "reads", "latency", "import", "batch", "rebuild", "live-rebuild", "kafka", "footprint"];

/// Measures what the product promises, each thing beside its control.
#[derive(Parser)]
struct Arguments {
    /// Small sizes: shows that the benches run; their figures mean little.
    #[arg(long)]
    quick: bool,
    /// Where figures and cached data go.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Is the control of reads, and gives the answer in this file; benches start it so.
    #[arg(long, hide = true, value_name = "FILE")]
    serve_answer: Option<PathBuf>,
    /// Is one of several processes that write one journal, and is told on standard input what to do.
    #[arg(long, hide = true)]
    write_journal: bool,
    /// Which benches to run; all of them when none is named.
    names: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(file) = arguments.serve_answer {
        return serve_answer(&file).await;
    }
    if arguments.write_journal {
        return write_journal().await;
    }
    if let Some(unknown) = arguments.names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("there is no bench {unknown:?}; there are: {}", NAMES.join(", "));
    }
    let settings = Settings { quick: arguments.quick, cache: arguments.folder.join("data") };
    let mut all = Vec::new();
    for name in NAMES.iter().filter(|name| arguments.names.is_empty() || arguments.names.iter().any(|n| n == *name)) {
        eprintln!("{name} ...");
        let measurements = Box::pin(run(name, &settings)).await.with_context(|| format!("bench {name}"))?;
        write_json(&arguments.folder, name, &measurements)?;
        all.extend(measurements);
    }
    print_table(&all);
    let missed = all.iter().filter(|m| m.must.is_some_and(|must| !m.keeps(must))).count();
    if missed > 0 && !arguments.quick {
        bail!("{missed} figures that must be kept were missed");
    }
    Ok(())
}

async fn run(name: &str, settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    match name {
        "journal" => benches::journal::run(settings).await,
        "postgres" => benches::postgres::run(settings).await,
        "reads" => benches::reads::run(settings).await,
        "kafka" => benches::kafka::run(settings).await,
        "latency" => benches::latency::run(settings).await,
        "import" => benches::import::run(settings).await,
        "batch" => benches::batch::run(settings).await,
        "rebuild" => benches::rebuild::run(settings).await,
        "live-rebuild" => benches::live_rebuild::run(settings).await,
        "footprint" => benches::footprint::run(settings).await,
        _ => bail!("{name} is listed and not wired"),
    }
}

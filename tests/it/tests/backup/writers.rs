//! Writers that remember what was acknowledged, and at which position.

use std::collections::HashMap;

use it::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::token_parts;

const WRITERS: usize = 3;
/// Versions that each business gets.
const VERSIONS: u64 = 3;

/// An acknowledged command.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) position: u64,
    pub(crate) business: String,
    pub(crate) version: u64,
}

/// What the writers know.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// The last version of a business that was tried; it may have been stored without an answer.
    pub(crate) tried: HashMap<String, u64>,
}

/// Writers at work.
pub(crate) struct Writers {
    written: watch::Sender<Written>,
    tasks: JoinSet<()>,
}

impl Writers {
    /// Begins to write, until the program does not answer any more.
    pub(crate) fn start(client: &Client) -> Self {
        let (written, _) = watch::channel(Written::default());
        let mut tasks = JoinSet::new();
        for writer in 0..WRITERS {
            tasks.spawn(write(writer, client.clone(), written.clone()));
        }
        Self { written, tasks }
    }

    /// The newest acknowledged position, once there are so many acknowledgements.
    pub(crate) async fn wait_for(&self, count: usize) -> u64 {
        let mut written = self.written.subscribe();
        let written = written.wait_for(|written| written.acknowledged.len() >= count).await.unwrap();
        written.acknowledged.iter().map(|a| a.position).max().unwrap()
    }

    pub(crate) fn count(&self) -> usize {
        self.written.borrow().acknowledged.len()
    }

    /// Ends the writing; a command that is on its way stays without an answer.
    pub(crate) async fn stop(mut self) -> Written {
        self.tasks.shutdown().await;
        self.written.send_replace(Written::default())
    }
}

async fn write(writer: usize, client: Client, written: watch::Sender<Written>) {
    for number in 0.. {
        let body = json!({"name": format!("Bar {writer}-{number}"), "categories": ["bar"], "description": "change 1"});
        let Ok(answer) = client.command("POST", "/v1/businesses", &body, &[]).await else { return };
        assert_eq!(answer.status, 201, "{}", answer.text());
        let business = answer.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned();
        let (_, position) = token_parts(answer.header("lawless-consistency"));
        take(&written, &business, 1, position);
        for version in 2..=VERSIONS {
            written.send_modify(|written| {
                written.tried.insert(business.clone(), version);
            });
            let path = format!("/v1/businesses/{business}");
            let body = json!({"description": format!("change {version}")});
            let Ok(answer) = client.command("PATCH", &path, &body, &[]).await else { return };
            assert_eq!(answer.status, 200, "{}", answer.text());
            let (_, position) = token_parts(answer.header("lawless-consistency"));
            take(&written, &business, version, position);
        }
    }
}

fn take(written: &watch::Sender<Written>, business: &str, version: u64, position: u64) {
    written.send_modify(|written| {
        written.tried.insert(business.to_owned(), version);
        written.acknowledged.push(Acknowledged { position, business: business.to_owned(), version });
    });
}

impl Written {
    /// Checks that a directory is exactly what was acknowledged up to a position.
    pub(crate) async fn assert_prefix(&self, client: &Client, head: u64) {
        let mut businesses: HashMap<&str, Vec<&Acknowledged>> = HashMap::new();
        for acknowledged in &self.acknowledged {
            businesses.entry(&acknowledged.business).or_default().push(acknowledged);
        }
        for (business, acknowledged) in businesses {
            let answer = client.get(&format!("/v1/businesses/{business}"), &[]).await.unwrap();
            let version = match answer.status {
                200 => {
                    let page: Value = answer.json().unwrap();
                    let version = page["version"].as_u64().unwrap();
                    assert_eq!(page["description"], format!("change {version}"), "{business}");
                    version
                }
                404 => 0,
                _ => panic!("{business}: {}", answer.text()),
            };
            for one in acknowledged {
                assert_eq!(
                    one.version <= version,
                    one.position <= head,
                    "{business} is at version {version}; it ends at {head}, and {one:?}"
                );
            }
            assert!(version <= self.tried[business], "{business} is at version {version}, which nobody wrote");
        }
    }
}

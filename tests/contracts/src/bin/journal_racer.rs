//! Appends to a PostgreSQL journal the moment it is told to, to race with another process that is told the same.
//!
//! For each line that it reads, all at once: a request that is the same in every process, a name for a stream of its
//! own, and neighbours that race with nobody. It answers with a line of five words: the request's position, `new` or
//! `repeated`, the owner of the name, `got` or `refused`, how many neighbours were stored.

#![allow(clippy::unwrap_used, reason = "part of a test")]

use std::io::Write;

use contracts::journal::{append, append_many, business, claim};
use event_log::{Append, AppendError, IdempotencyKey, Journal, PostgresJournal, PostgresJournalOptions};
use events::{BusinessId, StreamId};
use futures::future::join_all;
use uuid::Uuid;

const NEIGHBOURS: usize = 4;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("journal_racer postgres://…");
    let journal = PostgresJournal::open(&url, PostgresJournalOptions::default()).await.unwrap();
    say("ready");
    for line in std::io::stdin().lines() {
        say(&race(&journal, &line.unwrap()).await);
    }
    journal.close().await;
}

async fn race(journal: &PostgresJournal, round: &str) -> String {
    let stream: StreamId = BusinessId(Uuid::new_v5(&Uuid::NAMESPACE_OID, round.as_bytes())).into();
    let request = Append {
        key: IdempotencyKey { actor: "admin:laws".to_owned(), key: round.to_owned() },
        payload_hash: [7; 32],
        ..append(stream, 0)
    };
    let own = business();
    let name = Append { claims: vec![claim(round)], ..append(own, 0) };
    let neighbours = (0..NEIGHBOURS).map(|_| journal.append(append_many(business(), 0, 1)));
    let (request, name, neighbours) = tokio::join!(journal.append(request), journal.append(name), join_all(neighbours));
    let request = request.unwrap();
    let (owner, outcome) = match name {
        Ok(_) => (own, "got"),
        Err(AppendError::ClaimTaken { owner, .. }) => (owner, "refused"),
        Err(other) => panic!("{other}"),
    };
    let what = if request.replayed { "repeated" } else { "new" };
    let stored = neighbours.iter().filter(|neighbour| neighbour.is_ok()).count();
    format!("{} {what} {} {outcome} {stored}", request.first, owner.id)
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

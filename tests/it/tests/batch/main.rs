//! A batch over HTTP, and what is left of it when the program is killed under it.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use command_api::BatchResult;
use event_log::{EventFeed, SqliteJournal, SqliteJournalOptions};
use events::{Codec, Event, Position};
use it::{Client, Program, Wire};
use rand::RngExt;
use serde_json::{Value, json};

/// Kills of a short run and of a long one.
const ROUNDS: [u32; 2] = [2, 50];
/// Commands of a batch that is killed.
const LINES: usize = 3_000;

/// Business registrations, each with a key and a number of its own, among them changes of the few that are `known`.
fn lines(round: u32, known: &[String]) -> Vec<Value> {
    (0..LINES)
        .map(|number| {
            let mark = format!("{round}-{number}");
            let mut line = match known {
                [_, ..] if number % 5 == 0 => {
                    let id = &known[number / 5 % known.len()];
                    json!({"command": "change_business_details", "id": id, "body": {"description": mark}})
                }
                _ => json!({
                    "command": "register_business",
                    "body": {"name": format!("Name {}", number % 700), "categories": ["food"], "description": mark},
                }),
            };
            line["idempotency_key"] = json!(format!("key-{mark}"));
            line
        })
        .collect()
}

fn text_of(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// Sends a batch and takes results until it ends, breaks off, or enough have come.
async fn results(client: &Client, body: Vec<u8>, enough: usize) -> Vec<BatchResult> {
    let mut response = client.batch("", body).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let (mut results, mut unread) = (Vec::new(), Vec::new());
    while results.len() < enough
        && let Ok(Some(chunk)) = response.chunk().await
    {
        unread.extend(chunk);
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            results.push(serde_json::from_slice::<BatchResult>(&line).unwrap());
        }
    }
    results
}

/// What each event of the journal says in its description, with its position.
async fn marks(data: &Path) -> HashMap<String, Vec<u64>> {
    let journal = SqliteJournal::open(data.join("journal.sqlite"), SqliteJournalOptions::default()).await.unwrap();
    let mut marks: HashMap<String, Vec<u64>> = HashMap::new();
    let mut position = Position::ZERO;
    loop {
        let page = journal.feed().read(position, 4_096).await.unwrap();
        let Some(last) = page.last() else { break };
        position = last.position;
        for event in &page {
            assert!(event.is_intact());
            let header = &event.header;
            let mark = match Codec::shared().decode(&header.event_type, header.schema_version, &event.payload).unwrap()
            {
                Event::BusinessRegistered(registered) => registered.description,
                Event::BusinessDetailsChanged(changed) => changed.description,
                _ => None,
            };
            if let Some(mark) = mark {
                marks.entry(mark).or_default().push(event.position.0);
            }
        }
    }
    journal.close().await;
    marks
}

async fn define_food(client: &Client) {
    let body = json!({"names": {"en": "Food"}});
    assert_eq!(client.command("PUT", "/v1/categories/food", &body, &[]).await.unwrap().status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_kill_is_there_once_and_the_same_batch_completes_it() {
    let rounds = ROUNDS[usize::from(std::env::var_os("LAWLESS_LONG").is_some())];
    let folder = tempfile::tempdir().unwrap();
    let mut known: Vec<String> = Vec::new();
    let mut hits = 0;
    for round in 0..rounds {
        let program = Program::start(folder.path()).await.unwrap();
        let (client, data) = (program.client().unwrap(), program.data());
        if round == 0 {
            define_food(&client).await;
            let first = json!({"command": "register_business", "body": {"name": "Known", "categories": ["food"]}});
            let registered = results(&client, text_of(&vec![first; 5]), usize::MAX).await;
            known = registered.iter().map(|result| result.id.unwrap().to_string()).collect();
        }
        // Given a batch of which some results have come when the program is killed
        let (lines, enough) = (lines(round, &known), rand::rng().random_range(1..LINES));
        let mut acknowledged: BTreeMap<u64, BatchResult> = BTreeMap::new();
        for result in results(&client, text_of(&lines), enough).await {
            assert!(result.problem.is_none(), "{result:?}");
            acknowledged.insert(result.line, result);
        }
        program.kill().await.unwrap();

        // Then what was answered is there, where it was said to be, and nothing is there twice
        let there = marks(&data).await;
        let mark = |line: u64| lines[usize::try_from(line).unwrap() - 1]["body"]["description"].as_str().unwrap();
        for (line, result) in &acknowledged {
            assert_eq!(there.get(mark(*line)), Some(&vec![result.position.unwrap()]), "line {line} of round {round}");
        }
        assert!(there.values().all(|positions| positions.len() == 1));
        let of_this_round = lines.iter().filter(|l| there.contains_key(l["body"]["description"].as_str().unwrap()));
        hits += u32::from(of_this_round.count() < LINES);

        // When the same batch is sent again, then every line has one event, and the first answers come again
        let program = Program::start(folder.path()).await.unwrap();
        let again = results(&program.client().unwrap(), text_of(&lines), usize::MAX).await;
        assert!(again.iter().all(|result| result.problem.is_none()), "round {round}: {:?}", again.last());
        let answered: Vec<u64> = again.iter().map(|result| result.line).collect();
        assert_eq!(answered, (1..=LINES as u64).collect::<Vec<_>>(), "round {round}: {}", program.log_end());
        for result in &again {
            assert_eq!(result.replayed, there.contains_key(mark(result.line)), "line {} of {round}", result.line);
            if let Some(first) = acknowledged.get(&result.line) {
                assert_eq!(*result, BatchResult { replayed: true, ..first.clone() });
            }
        }
        program.kill().await.unwrap();
        let complete = marks(&data).await;
        assert!(lines.iter().all(|l| complete.contains_key(l["body"]["description"].as_str().unwrap())));
        assert!(complete.values().all(|positions| positions.len() == 1), "something was done twice");
    }
    println!("{hits} of {rounds} kills came before the batch was through");
    assert!(hits > 0, "no kill came midway: this run proves nothing");
}

#[tokio::test]
async fn a_batch_that_goes_on_when_the_program_is_told_to_end_is_answered_as_far_as_it_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path()).await.unwrap();
    let client = program.client().unwrap();
    define_food(&client).await;
    let lines = lines(0, &[]);
    let mut response = client.batch("", text_of(&lines)).await.unwrap();
    let mut text = response.chunk().await.unwrap().unwrap().to_vec();
    program.terminate().unwrap();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.extend(chunk);
    }
    assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
    let there = marks(&program.data()).await;
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let results: Vec<BatchResult> = whole.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let (last, answered) = results.split_last().unwrap();
    let refused = last.problem.as_ref().map(|problem| problem.code.as_str());
    let answered = if refused.is_some() { answered } else { &results[..] };
    assert!(refused == Some("unavailable") || refused.is_none() && answered.len() == LINES, "{last:?}");
    assert!(answered.iter().all(|result| result.status == 201));
    assert_eq!(there.len(), answered.len(), "what was taken was answered, and nothing else was taken");
}

#[tokio::test]
async fn a_batch_needs_the_key_and_its_token_shows_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let client = program.client().unwrap();
    define_food(&client).await;
    let lines = text_of(&lines(0, &[])[..3]);
    let refused = client.with_key(None).batch("", lines.clone()).await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    let dry = client.batch("?dry_run=true", lines.clone()).await.unwrap().text().await.unwrap();
    assert_eq!(dry.matches("\"dry_run\":true").count(), 3, "{dry}");
    let done = results(&client, lines, usize::MAX).await;
    let token = done[2].token.clone().unwrap();
    let path = format!("/v1/businesses/{}", done[2].id.unwrap());
    let page = client.get(&path, &[("Lawless-Consistency", &token)]).await.unwrap();
    assert_eq!(page.json::<Value>().unwrap()["name"], "Name 2");
    let admin = program.client().unwrap();
    let history = admin.command("GET", &format!("{path}/history"), &Value::Null, &[]).await.unwrap();
    assert_eq!(history.json::<Value>().unwrap()["data"][0]["event"], "BusinessRegistered");
    assert_eq!(client.get(&format!("{path}/state"), &[]).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_its_lines_is_given_it() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let key = std::fs::read_to_string(program.data().join("admin-key")).unwrap();
    let body = text_of(&[json!({"command": "define_category", "slug": "food", "body": {"names": {"en": "Food"}}})]);
    let head = format!(
        "POST /v1/commands:batch HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\nExpect: 100-continue\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
        key.trim(),
        body.len()
    );
    let mut wire = Wire::connect(program.api()).await.unwrap();
    wire.send(head).await.unwrap();
    assert_eq!(wire.receive().await.unwrap().status, 100);
    wire.send(body).await.unwrap();
    let answer = wire.receive().await.unwrap();
    assert_eq!((answer.status, answer.json().unwrap()["status"].as_u64()), (200, Some(201)));
}

//! SIGKILL at random moments of a rebuild and of its switch.

use std::path::Path;
use std::time::Duration;

use it::Program;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::{group, said};

/// Small, so that a round is short; large enough that a rebuild takes longer than a request.
const BUSINESSES: &str = "1500";

fn generations(data: &Path) -> (String, usize) {
    let views = data.join("views");
    let serving = std::fs::read_to_string(views.join("directory.serving")).unwrap();
    let folders = std::fs::read_dir(&views).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    (serving.trim().to_owned(), folders)
}

#[tokio::test]
async fn a_killed_rebuild_goes_on_and_a_killed_switch_is_whole() {
    let long = std::env::var_os("LAWLESS_LONG").is_some();
    let rounds = if long { 50 } else { 2 };
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    said(&data, &["demo", "--businesses", BUSINESSES]).await;

    let (mut unfinished, mut switched) = (0, 0);
    // Learned from round to round, so that kills hit all of it and its end.
    let mut longest = Duration::from_millis(300);
    for round in 0..rounds {
        let program = Program::start(folder.path()).await.unwrap();
        let before = generations(&data).0;
        let key = std::fs::read_to_string(data.join("admin-key")).unwrap();
        let begin = reqwest::Client::new()
            .post(format!("{}/admin/projections/directory/rebuild", program.admin()))
            .bearer_auth(key.trim());
        // 409: it goes on with the one of the round before.
        let status = begin.send().await.unwrap().status();
        assert!(status == 202 || status == 409, "round {round}: {status}");
        // A write on its way, too.
        let client = program.client().unwrap();
        let body = json!({"names": {"en": format!("Round {round}")}});
        let write = client.command("PUT", "/v1/categories/rounds", &body, &[]);
        tokio::time::timeout(longest.mul_f64(random.random_range(0.0..1.2)), async {
            let _ = write.await;
            std::future::pending::<()>().await;
        })
        .await
        .unwrap_err();
        program.kill().await.unwrap();
        let (serving, folders) = generations(&data);
        match (serving != before, folders) {
            (true, _) => {
                switched += 1;
                longest = longest.mul_f64(0.9);
            }
            (false, 1) => {}
            (false, _) => {
                unfinished += 1;
                longest = longest.mul_f64(1.1).min(Duration::from_secs(20));
            }
        }

        // Then: it starts, goes on by itself, and serves what a replay makes.
        let mut program = Program::start(folder.path()).await.unwrap();
        let done = async {
            while group(&program).await["rebuild"]["phase"].as_str().is_some_and(|phase| phase != "finished") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), done).await.unwrap();
        program.terminate().unwrap();
        assert!(program.wait().await.unwrap().success());
        assert_eq!(generations(&data).1, 1, "round {round}: only what is served is left");
        let words = said(&data, &["views", "verify"]).await;
        assert!(words.contains("all as a replay of the journal makes them"), "round {round}: {words}");
        assert!(said(&data, &["journal", "verify"]).await.contains("dense, whole and understood"));
    }
    println!("{rounds} kills: {unfinished} in an unfinished rebuild, {switched} after its switch");
    assert!(!long || (unfinished >= rounds / 5 && switched >= rounds / 5), "the kills hit too little of it");
}

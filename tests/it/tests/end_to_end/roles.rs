//! Mode distributed, a process for each role; and Kafka away.

pub(crate) mod distributed {
    use std::time::{Duration, Instant};

    use contracts::own::OwnEngine;
    use it::{Client, Program};
    use serde_json::json;

    use crate::home::{Home, Mode};

    /// Long enough for any machine; only waited out when something is broken.
    const DEADLINE: Duration = Duration::from_secs(60);
    /// A lease that is not given back ends by itself after four seconds.
    const HANDED_OVER: Duration = Duration::from_secs(3);
    const ASK_EVERY: Duration = Duration::from_millis(5);

    pub(crate) async fn define(writer: &Client, slug: &str) -> String {
        let body = json!({"names": {"en": slug}});
        let answer = writer.command("PUT", &format!("/v1/categories/{slug}"), &body, &[]).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.header("lawless-consistency").to_owned()
    }

    /// Asks until the answer is as it should be; returns how long that took.
    pub(crate) async fn until(
        what: &str,
        reader: &Client,
        path: &str,
        token: Option<&str>,
        is: impl Fn(&it::Answer) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        loop {
            let headers: Vec<(&str, &str)> = token.iter().map(|token| ("Lawless-Consistency", *token)).collect();
            let answer = reader.get(path, &headers).await.unwrap();
            if is(&answer) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < DEADLINE, "{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    pub(crate) fn fresh(answer: &it::Answer) -> bool {
        answer.status == 200 && answer.header("lawless-stale").is_empty()
    }

    pub(crate) fn stale(answer: &it::Answer) -> bool {
        answer.header("lawless-stale") == "?1"
    }

    async fn is_relaying(relay: &Program) -> bool {
        let metrics = Client::new(relay.admin(), None).get("/metrics", &[]).await.unwrap().text();
        metrics.contains("lawless_relay_health{health=\"relaying\"} 1")
    }

    #[tokio::test]
    async fn a_process_for_each_role_does_what_one_does() {
        // Given: a process for each role on one data folder, and a second relay.
        let home = Home::with(Mode::Distributed, "[views]\nage_max_ms = 2500\n").await;
        let writing = home.start_role("command-api", "command-api").await;
        let relays = [home.start_role("relay", "relay-1").await, home.start_role("relay", "relay-2").await];
        let projectors = home.start_role("projectors", "projectors").await;
        let writer = writing.client().unwrap();
        // Nobody serves views before there are any.
        let token = define(&writer, "food").await;
        let reading = home.start_role("query-api", "query-api").await;
        let reader = Client::new(reading.api(), None);
        until("the first row", &reader, "/v1/categories/food", Some(&token), fresh).await;

        // When the relay that works is told to end, the other goes on before the lease would have ended by itself.
        let working = if is_relaying(&relays[0]).await { 0 } else { 1 };
        let told = Instant::now();
        relays[working].terminate().unwrap();
        let token = define(&writer, "drink").await;
        until("after the hand-over", &reader, "/v1/categories/drink", Some(&token), fresh).await;
        let took = told.elapsed();
        println!("handed over, and visible, {took:?} after SIGTERM");
        assert!(took < HANDED_OVER, "{took:?}");
        assert!(is_relaying(&relays[1 - working]).await);

        // When the projectors are killed, what there is is served, and says how old it is.
        projectors.kill().await.unwrap();
        let token = define(&writer, "sleep").await;
        until("stale", &reader, "/v1/categories/food", None, |answer| {
            stale(answer) && answer.status == 200 && answer.header("age").parse::<u64>().is_ok_and(|age| age >= 2)
        })
        .await;
        // Then others make up for it.
        let projectors = home.start_role("projectors", "projectors").await;
        until("caught up", &reader, "/v1/categories/sleep", Some(&token), fresh).await;
        until("fresh again", &reader, "/v1/categories/food", None, fresh).await;

        // A query process that was killed leaves nothing behind, and another one serves the same bytes.
        let before = reader.get("/v1/categories/sleep", &[]).await.unwrap();
        reading.kill().await.unwrap();
        let reading = home.start_role("query-api", "query-api").await;
        let after = Client::new(reading.api(), None).get("/v1/categories/sleep", &[]).await.unwrap();
        assert_eq!((before.header("etag"), &before.body), (after.header("etag"), &after.body));

        // Views that were removed are still open there: what is told of others, made since, is not told of them.
        projectors.kill().await.unwrap();
        std::fs::remove_dir_all(home.folder().join("data/views")).unwrap();
        let _projectors = home.start_role("projectors", "projectors").await;
        let vitals = Client::new(reading.admin(), None);
        until("not ready", &vitals, "/readyz", None, |answer| {
            answer.status == 503 && answer.text().contains("the views were removed: start this process again")
        })
        .await;
        let reader = Client::new(reading.api(), None);
        until("stale", &reader, "/v1/categories/food", None, |answer| answer.status == 200 && stale(answer)).await;
    }

    #[tokio::test]
    async fn a_role_is_refused_in_the_other_mode() {
        let home = Home::new(Mode::Embedded).await;
        for role in ["command-api", "query-api", "projectors", "relay"] {
            let refused = it::Program::start_role(home.folder(), role, role, &[]).await.err().unwrap().to_string();
            assert!(refused.contains("exit status: 3") && refused.contains("role of mode distributed"), "{refused}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn while_kafka_is_away_commands_are_accepted_and_reads_say_how_old_they_are() {
        // Given: a program whose broker stops to answer.
        let broker = tokio::task::spawn_blocking(|| OwnEngine::start("kafka")).await.unwrap();
        let home = Home::on(&broker.address(), "[views]\nage_max_ms = 2500\n").await;
        let program = home.start().await;
        let client = program.client().unwrap();
        let token = define(&client, "food").await;
        until("the first row", &client, "/v1/categories/food", Some(&token), fresh).await;
        until("a watermark", &client, "/v1/categories/food", None, fresh).await;
        let broker = tokio::task::spawn_blocking(move || {
            broker.kill();
            broker
        })
        .await
        .unwrap();

        // When it is away, commands are accepted, and reads say how old they are.
        let mut token = String::new();
        for number in 0..200 {
            token = define(&client, &format!("meanwhile-{number}")).await;
        }
        until("stale", &client, "/v1/categories/food", None, |answer| {
            stale(answer) && answer.status == 200 && answer.header("age").parse::<u64>().is_ok_and(|age| age >= 2)
        })
        .await;
        let read = client.get("/v1/categories/meanwhile-7", &[("Lawless-Consistency", &token)]).await.unwrap();
        assert!(read.status == 404 && stale(&read), "{}", read.text());

        // Then, on its return, all is caught up.
        let _broker = tokio::task::spawn_blocking(move || {
            broker.up();
            broker
        })
        .await
        .unwrap();
        for number in [0, 7, 199] {
            let path = format!("/v1/categories/meanwhile-{number}");
            until("caught up", &client, &path, Some(&token), fresh).await;
        }
        until("fresh again", &client, "/v1/categories/food", None, fresh).await;
    }
}

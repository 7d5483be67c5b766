//! Histories from a replica.

mod distributed {
    use contracts::database::Database;
    use contracts::server::{Server, Standby};
    use it::Client;
    use serde_json::{Value, json};

    use crate::Town;
    use crate::home::Home;
    use crate::metrics::{Families, all_documented, scraped, value};

    /// How many entries the history of a business has.
    async fn entries(client: &Client, path: &str) -> usize {
        let answer = client.get_with_key(&format!("{path}/history?limit=100")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>().unwrap()["data"].as_array().unwrap().len()
    }

    /// What is only there with a replica; of the rest some comes with what did not happen here.
    fn of_a_replica(families: Families) -> Families {
        let own = ["lawless_journal_replica_", "lawless_journal_past_"];
        families.into_iter().filter(|(name, _)| own.iter().any(|own| name.starts_with(own))).collect()
    }

    async fn change(client: &Client, path: &str, phone: &str) {
        let answer = client.command("PATCH", path, &json!({"phone": phone}), &[]).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_history_is_whole_wherever_it_is_read_from() {
        // Given: a program with a replica that has everything.
        let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
        let mut standby = Standby::of(&server).await;
        let database = Database::at(&server.url()).await;
        let replica = format!("replica_url = \"{}\"\n", standby.database(&database.url));
        let town = Town::in_home(Home::in_database(database, &replica).await).await;
        let operators = Client::new(town.program.admin(), None);
        let moe = town.register("Moe's").await;
        change(&town.client, &moe.path, "1").await;
        standby.caught_up_with(&server).await;

        // Then: it is read from there, and that is told.
        assert_eq!(entries(&town.client, &moe.path).await, 2);
        let metrics = async || operators.get("/metrics", &[]).await.unwrap().text();
        let text = metrics().await;
        assert_eq!(
            of_a_replica(scraped(&text)),
            of_a_replica(all_documented()),
            "left: /metrics, right: docs/metrics.md"
        );
        assert!(value(&text, "lawless_journal_past_reads_total{from=\"replica\"}") >= 1.0, "{text}");
        assert_eq!(value(&text, "lawless_journal_replica_up"), 1.0);

        // When: it has not got the newest, then what it lacks comes from the primary.
        standby.ask("SELECT pg_wal_replay_pause()::text").await;
        change(&town.client, &moe.path, "2").await;
        change(&town.client, &moe.path, "3").await;
        assert_eq!(entries(&town.client, &moe.path).await, 4);
        let primary = value(&metrics().await, "lawless_journal_past_reads_total{from=\"primary\"}");

        // When: it is gone, then everything does, and the log says so.
        standby.kill();
        assert_eq!(entries(&town.client, &moe.path).await, 4);
        let text = metrics().await;
        assert!(value(&text, "lawless_journal_past_reads_total{from=\"primary\"}") > primary, "{text}");
        assert_eq!(value(&text, "lawless_journal_replica_up"), 0.0);
        let log = town.program.log_end();
        assert!(log.contains("the past is read from the primary and not from the replica"), "{log}");

        let ending = move || {
            drop(town);
            drop(standby);
            drop(server);
        };
        tokio::task::spawn_blocking(ending).await.unwrap();
    }
}

//! Rows in a CQL store: a process for each role, of which only one has rows of its own.

mod distributed {
    use std::collections::{BTreeSet, VecDeque};
    use std::time::{Duration, Instant};

    use contracts::keyspace::{Keyspace, live_rows};
    use contracts::own::OwnEngine;
    use it::{Answer, Client, Program};
    use serde_json::{Value, json};

    use crate::home::{Home, Mode, published_in};
    use crate::roles::distributed::{define, fresh, stale, until};

    /// Long enough for any machine; only waited out when something is broken.
    const DEADLINE: Duration = Duration::from_secs(60);
    /// A request to a store that hangs ends by then, here, further tries included.
    const BOUNDED: &str = "request_timeout_ms = 1500\nconnect_timeout_ms = 3000\n[views]\nage_max_ms = 2500\n";
    const BUSINESSES: &str = "120";

    /// Does something that waits.
    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    fn not_ready<'w>(why: &'w str) -> impl Fn(&Answer) -> bool + 'w {
        move |answer| answer.status == 503 && answer.text().contains(why)
    }

    fn ready(answer: &Answer) -> bool {
        answer.status == 200
    }

    /// The store does not answer: there is no row, and nobody says that there were none.
    fn unavailable(answer: &Answer) -> bool {
        answer.status == 503
            && answer.text().contains("views_unavailable")
            && answer.header("content-type") == "application/problem+json"
            && !answer.header("cache-control").contains("public")
    }

    fn vitals(program: &Program) -> Client {
        Client::new(program.admin(), None)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_query_process_needs_no_views_of_its_own_and_says_when_the_store_is_away() {
        // Given: a store that hangs, and a process for each role; the one that answers reads has a data folder of its own.
        let engine = blocking(|| OwnEngine::start("cassandra")).await;
        let keyspace = Keyspace::at(engine.address());
        let engine = blocking(move || {
            engine.pause();
            engine
        })
        .await;
        let settings = format!("{}{BOUNDED}", published_in(&keyspace));
        let home = Home::with(Mode::Distributed, &settings).await;
        let elsewhere = tempfile::tempdir().unwrap();
        let writing = home.start_role("command-api", "command-api").await;
        let _relay = home.start_role("relay", "relay").await;
        let projectors = home.begin_role(home.folder(), "projectors", "projectors").await;
        let reading = home.begin_role(elsewhere.path(), "query-api", "query-api").await;
        let (writer, reader) = (writing.client().unwrap(), Client::new(reading.api(), None));

        // Then: commands are taken; the others say what is missing, and go on trying.
        let token = define(&writer, "food").await;
        until(
            "unpublished",
            &vitals(&projectors),
            "/readyz",
            None,
            not_ready("publishing stalled: connect to the CQL"),
        )
        .await;
        until("no views", &vitals(&reading), "/readyz", None, not_ready("there are no views yet: connect to the CQL"))
            .await;
        until("no answer", &reader, "/v1/categories/food", Some(&token), unavailable).await;

        // When it answers, all of them find it.
        let engine = blocking(move || {
            engine.resume();
            engine
        })
        .await;
        until("the first row", &reader, "/v1/categories/food", Some(&token), fresh).await;
        until("ready", &vitals(&reading), "/readyz", None, ready).await;
        until("ready", &vitals(&projectors), "/readyz", None, ready).await;
        assert!(!elsewhere.path().join("data/views").exists(), "a query process keeps rows");

        // When it hangs again: a read fails, commands are taken.
        let engine = blocking(move || {
            engine.pause();
            engine
        })
        .await;
        let begun = Instant::now();
        let answer = reader.get("/v1/categories/food", &[]).await.unwrap();
        assert!(unavailable(&answer), "{} {}", answer.status, answer.text());
        assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
        let token = define(&writer, "drink").await;
        until("not followed", &vitals(&reading), "/readyz", None, not_ready("views: ")).await;
        until("not published", &vitals(&projectors), "/readyz", None, not_ready("publishing stalled: ")).await;
        let answer = reader.get("/v1/categories/food", &[("Lawless-Consistency", &token)]).await.unwrap();
        assert!(unavailable(&answer), "{} {}", answer.status, answer.text());
        let engine = blocking(move || {
            engine.resume();
            engine
        })
        .await;
        until("published at last", &reader, "/v1/categories/drink", Some(&token), fresh).await;
        until("ready again", &vitals(&reading), "/readyz", None, ready).await;

        // When the projectors are killed, what there is is served, and says how old it is.
        projectors.kill().await.unwrap();
        let token = define(&writer, "sleep").await;
        until("stale", &reader, "/v1/categories/food", None, |answer| {
            stale(answer) && answer.status == 200 && answer.header("age").parse::<u64>().is_ok_and(|age| age >= 2)
        })
        .await;
        let answer = reader.get("/v1/categories/sleep", &[("Lawless-Consistency", &token)]).await.unwrap();
        assert!(answer.status == 404 && stale(&answer), "{} {}", answer.status, answer.text());
        // Then others make up for it.
        let projectors = home.start_role("projectors", "projectors").await;
        until("caught up", &reader, "/v1/categories/sleep", Some(&token), fresh).await;
        until("fresh again", &reader, "/v1/categories/food", None, fresh).await;

        // A query process that was killed leaves nothing behind, and another one serves the same bytes.
        let before = reader.get("/v1/categories/sleep", &[]).await.unwrap();
        reading.kill().await.unwrap();
        let reading = home.begin_role(elsewhere.path(), "query-api", "query-api").await;
        until("ready", &vitals(&reading), "/readyz", None, ready).await;
        let after = Client::new(reading.api(), None).get("/v1/categories/sleep", &[]).await.unwrap();
        assert_eq!((before.header("etag"), &before.body), (after.header("etag"), &after.body));

        // The engine goes last, and on a thread that may wait.
        drop((projectors, reading));
        blocking(move || drop((keyspace, engine))).await;
    }

    #[tokio::test]
    async fn views_of_another_journal_are_refused() {
        // Given: a keyspace that holds the views of one journal.
        let keyspace = Keyspace::new();
        let home = Home::with(Mode::Distributed, &published_in(&keyspace)).await;
        let program = home.start().await;
        let token = define(&program.client().unwrap(), "food").await;
        until("published", &program.client().unwrap(), "/v1/categories/food", Some(&token), fresh).await;
        // When: a program on another journal is told to use it. Then: it says so, and serves nothing of it.
        let other = Home::with(Mode::Distributed, &published_in(&keyspace)).await;
        let stranger = other.begin().await;
        let halted = "publishing halted: the views do not belong to this journal";
        until("halted", &vitals(&stranger), "/readyz", None, not_ready(halted)).await;
        let refused = "there are no views yet: the views do not belong to this journal";
        until("refused", &vitals(&stranger), "/readyz", None, not_ready(refused)).await;
        let answer = Client::new(stranger.api(), None).get("/v1/categories/food", &[]).await.unwrap();
        assert!(unavailable(&answer), "{} {}", answer.status, answer.text());
        // And: the first does not mind.
        until("still there", &program.client().unwrap(), "/v1/categories/food", Some(&token), fresh).await;
        drop((stranger, program));
    }

    /// All that is found from the front on, at most so much of each list.
    async fn everything(client: &Client) -> Vec<String> {
        let mut paths: VecDeque<String> =
            ["/v1/categories", "/v1/locations", "/v1/businesses?sort=name&limit=50"].map(str::to_owned).into();
        let mut seen: BTreeSet<String> = paths.iter().cloned().collect();
        let mut all = Vec::new();
        while let Some(path) = paths.pop_front() {
            let answer = client.get(&path, &[]).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let page: Value = answer.json().unwrap();
            let list = path.split('?').next().unwrap();
            let mut found: Vec<String> = Vec::new();
            for item in page["data"].as_array().into_iter().flatten() {
                let below = |name: &str| item[name].as_str().map(str::to_owned);
                match (list.ends_with("/businesses"), below("id"), below("slug")) {
                    (true, Some(id), _) => found.push(format!("/v1/businesses/{id}")),
                    (false, _, Some(slug)) => {
                        found.push(format!("{list}/{slug}"));
                        found.push(format!("{list}/{slug}/businesses?sort=best&limit=7"));
                    }
                    _ => {}
                }
            }
            if let Some(cursor) = page["page"]["next_cursor"].as_str() {
                let first = path.split("&cursor=").next().unwrap();
                let joint = if first.contains('?') { '&' } else { '?' };
                found.push(format!("{first}{joint}cursor={cursor}"));
            }
            paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
            all.push(path);
        }
        all
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_answer_is_byte_equal_to_the_embedded_one() {
        // Given: a directory that was made embedded, and its copy, whose rows are published.
        let home = Home::new(Mode::Published).await;
        let (embedded, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (data, log) = (embedded.path().join("data"), embedded.path().join("log"));
        let settings = home.folder().join("lawless.toml");
        let mut demo = Program::command(&data, &log).unwrap();
        assert!(demo.args(["demo", "--businesses", BUSINESSES]).status().await.unwrap().success());
        let mut copy = Program::command(&data, &log).unwrap();
        let copied = copy.args(["journal", "copy", "--config"]).arg(&settings).status().await.unwrap();
        assert!(copied.success(), "{}", std::fs::read_to_string(&log).unwrap());
        let own = Program::start(embedded.path()).await.unwrap();
        // The same key, or cursors would differ.
        std::fs::copy(data.join("cursor-key"), home.folder().join("data/cursor-key")).unwrap();
        let _all = home.start().await;
        let reading = home.begin_role(elsewhere.path(), "query-api", "query-api").await;
        until("ready", &vitals(&reading), "/readyz", None, ready).await;

        // Then: whatever is asked for, there is no difference. What is open now may change between two answers.
        let (here, there) = (Client::new(own.api(), None), Client::new(reading.api(), None));
        let paths = everything(&here).await;
        assert!(paths.len() > 150, "{} answers are too few to show anything", paths.len());
        let begun = Instant::now();
        for path in &paths {
            loop {
                let (one, other) = (here.get(path, &[]).await.unwrap(), there.get(path, &[]).await.unwrap());
                if (one.status, one.header("etag"), &one.body) == (200, other.header("etag"), &other.body) {
                    break;
                }
                assert!(begun.elapsed() < DEADLINE, "{path}: {}\n{}", one.text(), other.text());
            }
        }
        println!("{} answers are equal", paths.len());
    }

    fn says<'w>(health: &'w str) -> impl Fn(&Answer) -> bool + 'w {
        let line = format!("lawless_publisher_health{{group=\"directory\",health=\"{health}\"}} 1");
        move |answer| answer.text().contains(&line)
    }

    /// Position up to which a query process has heard that rows are published.
    async fn published(reading: &Program) -> u64 {
        let metrics = vitals(reading).get("/metrics", &[]).await.unwrap().text();
        let line = metrics.lines().find(|line| line.starts_with("lawless_projection_published_position{")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_process_publishes_when_one_is_gone() {
        // Given: two processes that could publish.
        let home = Home::new(Mode::Published).await;
        let (there, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let writing = home.start_role("command-api", "command-api").await;
        let _relay = home.start_role("relay", "relay").await;
        let one = home.start_role("projectors", "projectors-1").await;
        until("it publishes", &vitals(&one), "/metrics", None, says("live")).await;
        let other = home.begin_role(there.path(), "projectors", "projectors-2").await;
        until("it stands by", &vitals(&other), "/metrics", None, says("standby")).await;
        until("it is ready", &vitals(&other), "/readyz", None, ready).await;
        let reading = home.begin_role(elsewhere.path(), "query-api", "query-api").await;
        let (writer, reader) = (writing.client().unwrap(), Client::new(reading.api(), None));
        let token = define(&writer, "food").await;
        until("published", &reader, "/v1/categories/food", Some(&token), fresh).await;

        // When the one that publishes is killed. Then: the other one does.
        one.kill().await.unwrap();
        let token = define(&writer, "drink").await;
        let took = until("published by the other", &reader, "/v1/categories/drink", Some(&token), fresh).await;
        println!("visible {took:?} after SIGKILL of whoever published");
        assert!(took < Duration::from_secs(15), "{took:?}");
        until("it publishes", &vitals(&other), "/metrics", None, says("live")).await;

        // When it is told to end, it gives its turn away at once.
        let one = home.start_role("projectors", "projectors-3").await;
        until("it stands by", &vitals(&one), "/metrics", None, says("standby")).await;
        other.terminate().unwrap();
        let token = define(&writer, "sleep").await;
        let took = until("published by the third", &reader, "/v1/categories/sleep", Some(&token), fresh).await;
        println!("visible {took:?} after SIGTERM of whoever published");
        assert!(took < Duration::from_secs(2), "{took:?}");
        let mut other = other;
        assert!(other.wait().await.unwrap().success());

        // When whoever publishes is held for so long that another one does, and then goes on.
        let other = home.begin_role(there.path(), "projectors", "projectors-4").await;
        until("it stands by", &vitals(&other), "/metrics", None, says("standby")).await;
        until("it publishes", &vitals(&one), "/metrics", None, says("live")).await;
        one.pause().unwrap();
        let mut token = String::new();
        for slug in ["a", "b", "c", "d"] {
            token = define(&writer, slug).await;
        }
        let took = until("published without it", &reader, "/v1/categories/d", Some(&token), fresh).await;
        println!("visible {took:?} after SIGSTOP of whoever published");
        assert!(took < Duration::from_secs(15), "{took:?}");
        let mut last = published(&reading).await;
        one.resume().unwrap();
        // Then: it stands by, and nothing older was ever shown.
        let begun = Instant::now();
        let mut stands_by = false;
        while !stands_by {
            stands_by = says("standby")(&vitals(&one).get("/metrics", &[]).await.unwrap());
            let answer = reader.get("/v1/categories/d", &[("Lawless-Consistency", &token)]).await.unwrap();
            assert!(fresh(&answer), "{} {}", answer.status, answer.text());
            let now = published(&reading).await;
            assert!(last <= now, "from {last} back to {now}");
            last = now;
            assert!(begun.elapsed() < DEADLINE, "two publish at once");
        }
        drop((one, other, reading));
    }

    /// Whether it succeeded, and what it said.
    async fn verify(home: &Home, options: &[&str]) -> (bool, String) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut verify = Program::command(&home.folder().join("data"), log.path()).unwrap();
        verify.args(["views", "verify", "--published"]).args(options).arg("--config").arg(home.settings());
        let status = verify.status().await.unwrap();
        (status.success(), std::fs::read_to_string(log.path()).unwrap())
    }

    #[tokio::test]
    async fn rows_that_were_damaged_are_found_and_written_anew() {
        // Given: a directory that is published, and a program that has ended.
        let home = Home::new(Mode::Published).await;
        let mut program = home.start().await;
        let writer = program.client().unwrap();
        for slug in ["food", "drink", "sleep"] {
            define(&writer, slug).await;
        }
        let token = define(&writer, "play").await;
        until("published", &writer, "/v1/categories/play", Some(&token), fresh).await;
        program.terminate().unwrap();
        assert!(program.wait().await.unwrap().success());
        let (table, keyspace) = (format!("directory_rows_{}", projectors::DIRECTORY_VERSION), home.keyspace());
        let before = live_rows(keyspace, &table).await;
        let (well, said) = verify(&home, &[]).await;
        assert!(well && said.contains("are published as they are in this folder"), "{said}");

        // When: one row has other bytes, later than all that was published, and another one is lost.
        let nodes: Vec<_> = before.iter().filter(|(key, _)| key.first() == Some(&b'n')).collect();
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let place = |key: &[u8]| format!("WHERE partition_key = 0x{} AND clustering_key = 0x", hex(key));
        let [(one, row), (other, lost), ..] = nodes[..] else { panic!("{} nodes", nodes.len()) };
        let later = row.version.0 * 256 + 7;
        let damage = format!("UPDATE {{keyspace}}.{table} USING TIMESTAMP {later} SET body = 0x00 {}", place(one));
        keyspace.execute(&damage).await;
        let lose =
            format!("DELETE FROM {{keyspace}}.{table} USING TIMESTAMP {} {}", lost.version.0 * 256, place(other));
        keyspace.execute(&lose).await;

        // Then: both are named, nothing is done unasked; and then all is as it was.
        let (well, said) = verify(&home, &[]).await;
        assert!(!well && said.contains("2 rows differ") && said.contains("is missing"), "{said}");
        assert!(live_rows(keyspace, &table).await != before, "what was not asked for was done");
        let (well, said) = verify(&home, &["--repair"]).await;
        assert!(well && said.contains("2 rows were written anew"), "{said}");
        let (well, said) = verify(&home, &[]).await;
        assert!(well, "{said}");
        assert!(live_rows(keyspace, &table).await == before, "rows are not what they were");
    }

    #[tokio::test]
    async fn a_program_without_rows_says_that_there_are_none() {
        // Given: a keyspace that nobody publishes to.
        let keyspace = Keyspace::new();
        let home = Home::with(Mode::Distributed, &published_in(&keyspace)).await;
        let reading = home.begin_role(home.folder(), "query-api", "query-api").await;
        until("no views", &vitals(&reading), "/readyz", None, not_ready("nothing is published there")).await;
        let reader = Client::new(reading.api(), None);
        for path in ["/v1/categories", "/v1/businesses/nobody", "/v1/locations/us/businesses"] {
            let answer = reader.get(path, &[]).await.unwrap();
            assert!(unavailable(&answer), "{path}: {} {}", answer.status, answer.text());
        }
        // It is a matter of the views only: what never was there is not.
        assert_eq!(reader.get("/v1/nowhere", &[]).await.unwrap().status, 404);
        // When an empty directory is published, then it is served.
        let _all = home.start().await;
        until("ready", &vitals(&reading), "/readyz", None, ready).await;
        let answer = reader.get("/v1/categories", &[]).await.unwrap();
        assert_eq!((answer.status, answer.json::<Value>().unwrap()["data"].clone()), (200, json!([])));
    }
}

//! The same events give the same rows, whatever carried them.

mod distributed {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use contracts::database::Database;
    use contracts::services;
    use event_log::{
        Append, EventFeed, IdempotencyKey, Journal, KafkaEventFeed, KafkaOptions, NewEvent, PostgresJournal,
        PostgresJournalOptions, Relay, RelayOptions, SqliteJournal, SqliteJournalOptions,
    };
    use events::{Codec, Position, RecordedEvent, StreamVersion};
    use it::Program;
    use projectors::{
        Difference, DirectoryProjection, LmdbProjectionStore, ReplayOptions, RunnerOptions, StoreOptions, replay,
    };
    use tokio::runtime::Handle;

    /// Long enough for any machine; only waited out when something is broken.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A demo directory, made by the program itself in mode embedded.
    async fn demo(folder: &Path) -> SqliteJournal {
        let mut demo = Program::command(&folder.join("data"), &folder.join("log")).unwrap();
        let ended = demo.args(["demo", "--businesses", "120"]).status().await.unwrap();
        assert!(ended.success());
        SqliteJournal::open(folder.join("data/journal.sqlite"), SqliteJournalOptions::default()).await.unwrap()
    }

    /// The command that gives this event, at this place.
    fn append_of(event: &RecordedEvent) -> Append {
        let header = &event.header;
        let decoded = Codec::shared().decode(&header.event_type, header.schema_version, &event.payload).unwrap();
        Append {
            stream: header.stream,
            expected_version: StreamVersion(header.version.0 - 1),
            reads: Vec::new(),
            claims: Vec::new(),
            key: IdempotencyKey { actor: "test".to_owned(), key: header.event_id.to_string() },
            payload_hash: [0; 32],
            actor: header.actor.clone(),
            command_id: header.command_id,
            correlation: header.correlation,
            causation: header.causation,
            events: vec![NewEvent {
                event_id: header.event_id,
                event_type: Codec::shared().encode(&decoded).event_type,
                schema_version: header.schema_version,
                occurred_at: header.occurred_at,
                payload: event.payload.clone(),
            }],
        }
    }

    async fn folded(feed: Arc<dyn EventFeed>, folder: &Path) -> LmdbProjectionStore {
        let (handle, runner) = (Handle::current(), RunnerOptions::default());
        let options = ReplayOptions {
            group: "directory".to_owned(),
            folder: folder.to_owned(),
            until: None,
            store: StoreOptions::default(),
            runner,
        };
        let folding = tokio::task::spawn_blocking(move || {
            replay(&handle, feed, Box::new(DirectoryProjection::default()), &options, || 100, drop).unwrap()
        });
        tokio::time::timeout(DEADLINE, folding).await.expect("all is folded").unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_row_is_byte_equal_to_the_embedded_one() {
        // Given: a log that the embedded program made, and the same events in PostgreSQL.
        let folder = tempfile::tempdir().unwrap();
        let embedded = demo(folder.path()).await;
        let events = embedded.feed().read(Position::ZERO, 100_000).await.unwrap();
        assert!(events.len() > 150, "{} events are too few to show anything", events.len());
        let database = Database::new().await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
        for event in &events {
            let appended = journal.append(append_of(event)).await.unwrap();
            assert_eq!(appended.last, event.position);
        }
        // A fixed log has fixed times; each journal has a clock of its own, and rows show when they changed.
        let times: Vec<String> =
            events.iter().map(|event| format!("({}, {})", event.position, event.recorded_at.0)).collect();
        let times = times.join(", ");
        database
            .execute(&format!(
                "UPDATE events SET recorded_at = t.moment FROM (VALUES {times}) AS t (at, moment) WHERE position = t.at"
            ))
            .await;

        // When a relay carries them and they are folded from Kafka
        let options = KafkaOptions::new(services::kafka());
        let relay = Relay::start(journal.clone(), options.clone(), RelayOptions::default());
        let mut status = relay.status();
        let carried = status.wait_for(|status| status.relayed.0 == events.len() as u64);
        tokio::time::timeout(DEADLINE, carried).await.expect("all is carried").unwrap();
        let carried =
            folded(Arc::new(KafkaEventFeed::new(journal.id(), options).unwrap()), &folder.path().join("from-kafka"))
                .await;
        let own = folded(Arc::new(embedded.feed()), &folder.path().join("from-file")).await;

        // Then there is no difference in any row.
        let difference = Difference::between(&own, &carried, || (), || true).unwrap().unwrap();
        assert_eq!(difference.count(), 0, "{:?}", difference.examples);
        assert!(difference.rows_equal() > 1_000, "{} rows", difference.rows_equal());
        let (own, carried) = (own.fingerprint().unwrap(), carried.fingerprint().unwrap());
        assert_eq!((own.rows, own.rows_hash), (carried.rows, carried.rows_hash));
        relay.shutdown().await;
    }
}

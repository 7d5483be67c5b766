//! A backup is put back under running processes: what was reached is not reached a second time with other events.

use contracts::database::Database;
use contracts::journal::{append, append_many, business, read_all};
use contracts::server::Server;
use contracts::wire::Wire;
use event_log::{EventFeed, Journal, JournalError, PostgresJournal};
use events::Position;

use super::{DEADLINE, open};

/// A server with a journal of three events, saved; two more are written after that.
struct Restored {
    server: Server,
    database: Database,
    wire: Wire,
    saved: contracts::server::Saved,
}

impl Restored {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
        let database = Database::at(&server.url()).await;
        PostgresJournal::migrate(&database.url).await.unwrap();
        let wire = Wire::to(&database.url).await;
        let journal = open(&wire.through(&database.url)).await;
        journal.append(append_many(business(), 0, 3)).await.unwrap();
        journal.close().await;
        let (server, saved) = tokio::task::spawn_blocking(move || {
            let saved = server.save();
            (server, saved)
        })
        .await
        .unwrap();
        wire.lead_to(&server.url());
        Self { server, database, wire, saved }
    }

    fn url(&self) -> String {
        self.wire.through(&self.database.url)
    }

    /// The same server, as it was when it was saved.
    async fn put_back(self) -> Self {
        let Self { server, database, wire, saved } = self;
        let (server, saved) = tokio::task::spawn_blocking(move || {
            server.put_back(&saved);
            (server, saved)
        })
        .await
        .unwrap();
        wire.lead_to(&server.url());
        wire.cut();
        Self { server, database, wire, saved }
    }

    async fn end(self) {
        let Self { server, database, .. } = self;
        tokio::task::spawn_blocking(move || {
            drop(database);
            drop(server);
        })
        .await
        .unwrap();
    }
}

fn assert_went_back(error: &(dyn std::error::Error + 'static)) {
    let words = error.to_string();
    assert!(words.contains("a backup was put back") && words.contains("lawless journal adopt"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_put_back_under_a_writer_and_its_followers_stops_them() {
    // Given: a process that has written and read beyond the backup, and one that has only read.
    let restored = Restored::new().await;
    let (writer, reader) = (open(&restored.url()).await, open(&restored.url()).await);
    writer.append(append_many(business(), 0, 2)).await.unwrap();
    let (follower, other) = (writer.feed(), reader.feed());
    assert_eq!(read_all(&follower).await.len(), 5);
    assert_eq!(other.read(Position::ZERO, 5).await.unwrap().len(), 5);

    // When: the backup is put back.
    let restored = restored.put_back().await;

    // Then: nothing is written any more, and no follower reads on.
    for _ in 0..2 {
        let refused = tokio::time::timeout(DEADLINE, writer.append(append(business(), 0))).await.unwrap().unwrap_err();
        assert_went_back(&refused);
    }
    for feed in [&follower, &other] {
        let waited = tokio::time::timeout(DEADLINE, feed.wait_beyond(Position(5))).await;
        assert_went_back(&waited.expect("it is told").unwrap_err());
        let refused = feed.read(Position(5), 10).await.unwrap_err();
        assert!(matches!(refused, JournalError::Corrupt { .. }), "{refused}");
        assert_went_back(&refused);
    }
    // Who comes after that cannot know. He writes what the others have read as something else.
    let late = open(&restored.url()).await;
    late.append(append_many(business(), 0, 4)).await.unwrap();
    assert_went_back(&writer.append(append(business(), 0)).await.unwrap_err());
    for feed in [&follower, &other] {
        assert_went_back(&feed.read(Position(5), 10).await.unwrap_err());
    }
    for journal in [writer, reader, late] {
        journal.close().await;
    }
    restored.end().await;
}

/// The counter is beyond what a process has seen, and the events are others: only its own last event tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_overtaken_after_a_restore_notices_by_the_last_event() {
    let restored = Restored::new().await;
    let paused = open(&restored.url()).await;
    paused.append(append_many(business(), 0, 2)).await.unwrap();
    let feed = paused.feed();
    assert_eq!(read_all(&feed).await.len(), 5);

    let restored = restored.put_back().await;
    let late = open(&restored.url()).await;
    late.append(append_many(business(), 0, 9)).await.unwrap();

    // When nothing was looked at since, the event that it wrote last tells.
    let refused = tokio::time::timeout(DEADLINE, paused.append(append(business(), 0))).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("position 5 was event"), "{refused}");
    assert_went_back(&refused);
    // By its counter alone this journal has gone on from 5 to 12.
    assert_eq!(feed.head().await.unwrap(), Position(12));
    assert_went_back(&feed.read(Position(5), 10).await.unwrap_err());
    paused.close().await;
    late.close().await;
    restored.end().await;
}

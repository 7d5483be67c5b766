//! Tells other processes that there are new events, and hears of theirs: by `NOTIFY`, which may be lost. Whoever waits looks
//! by himself, too, only less often.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use events::Position;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::watch;

use super::pool::close;

/// Where it is told; channels are those of one database.
const CHANNEL: &str = "lawless_events";
/// One that tells, one that hears: neither takes a connection from who reads.
const CONNECTIONS: u32 = 2;
/// After a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the processes of one journal tell each other. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub(super) struct Wake {
    connections: PgPool,
    heard: Arc<OnceLock<watch::Receiver<()>>>,
}

impl Wake {
    /// Connects when there is something to tell, or somebody waits.
    pub(super) fn new(options: PgConnectOptions) -> Self {
        let connections = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        Self { connections, heard: Arc::default() }
    }

    /// Tells of each value that the sender gets, or of the newest if they come faster than they can be told.
    pub(super) fn teller(&self) -> watch::Sender<Position> {
        let (appended, newest) = watch::channel(Position::ZERO);
        tokio::spawn(tell(self.connections.clone(), newest));
        appended
    }

    /// Changes when another process, or this one, has told of something. From the first call on it is listened.
    pub(super) fn heard(&self) -> watch::Receiver<()> {
        let heard = self.heard.get_or_init(|| {
            let (hearing, heard) = watch::channel(());
            tokio::spawn(hear(self.connections.clone(), hearing));
            heard
        });
        heard.clone()
    }

    pub(super) async fn close(&self) {
        close(&self.connections).await;
    }
}

async fn tell(connections: PgPool, mut newest: watch::Receiver<Position>) {
    while newest.changed().await.is_ok() {
        let head = newest.borrow_and_update().0.to_string();
        let telling = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(head);
        if let Err(error) = telling.execute(&connections).await {
            tracing::debug!(%error, "other processes were not told of new events, and will look");
        }
    }
}

async fn hear(connections: PgPool, hearing: watch::Sender<()>) {
    while !connections.is_closed() {
        if let Err(error) = listen(&connections, &hearing).await {
            tracing::debug!(%error, "no notice of new events is heard: it is looked for them");
        }
        let _ = tokio::time::timeout(AGAIN_AFTER, connections.close_event()).await;
    }
}

async fn listen(connections: &PgPool, hearing: &watch::Sender<()>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(connections).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // What was told while nobody listened is found by looking.
        hearing.send_replace(());
        listener.recv().await?;
    }
}

//! A wire between a journal and its server, which a test can cut.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Carries bytes both ways until it is cut; new connections are taken at any time.
pub struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
    cuts: watch::Sender<u64>,
}

struct Shared {
    server: Mutex<SocketAddr>,
    /// What the server says does not arrive.
    answers_lost: AtomicBool,
    bytes_lost: AtomicUsize,
}

impl Wire {
    /// To the server of a URL.
    pub async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Mutex::new(address_of(url).parse().unwrap());
        let shared = Arc::new(Shared { server, answers_lost: AtomicBool::new(false), bytes_lost: AtomicUsize::new(0) });
        let (cuts, cut) = watch::channel(0);
        let carrying = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&carrying), cut.clone()));
            }
        });
        Self { address, shared, cuts }
    }

    /// The URL, through this wire.
    pub fn through(&self, url: &str) -> String {
        url.replacen(address_of(url), &self.address.to_string(), 1)
    }

    /// From now on the server is another one.
    pub fn lead_to(&self, url: &str) {
        *self.shared.server.lock().unwrap() = address_of(url).parse().unwrap();
    }

    /// From now on the server is heard, or not.
    pub fn lose_answers(&self, lost: bool) {
        self.shared.answers_lost.store(lost, Ordering::SeqCst);
    }

    /// How much of what the server said did not arrive.
    pub fn bytes_lost(&self) -> usize {
        self.shared.bytes_lost.load(Ordering::SeqCst)
    }

    /// Ends all connections that there are.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

fn address_of(url: &str) -> &str {
    url.split_once('@').unwrap().1.split_once('/').unwrap().0
}

async fn carry(client: TcpStream, shared: Arc<Shared>, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    let server = *shared.server.lock().unwrap();
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            if shared.answers_lost.load(Ordering::SeqCst) {
                shared.bytes_lost.fetch_add(length, Ordering::SeqCst);
            } else if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        () = answers => {}
        _ = cut.changed() => {}
    }
}

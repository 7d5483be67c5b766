//! Accepts connections and serves a router on them, within bounds, until told to stop.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use command_api::BATCH_PATH;
use http_api::BodyTimedOut;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tower::ServiceExt;

use super::places::{Places, Seat};
use crate::config::ServerConfig;
use crate::exit::Refusal;
use crate::signals::stopped;

/// How long the accept loop rests when the process has no file descriptor left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Binds an address.
///
/// # Errors
/// [`Refusal::AddressInUse`], or whatever the operating system says.
pub(super) async fn bind(address: SocketAddr, option: &'static str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => Refusal::AddressInUse { address, option }.into(),
        _ => anyhow::Error::new(e).context(format!("{address} cannot be listened on ({option})")),
    })
}

/// Serves at most so many connections at once until `stop` says so, then waits for open requests, at most as long as
/// the drain deadline.
///
/// # Errors
/// Requests were still open at the deadline.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ServerConfig,
    max_connections: usize,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let builder = connection_builder(config);
    let mut places = Places::new(max_connections);
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    // A connection that went away, or no descriptor left: neither ends the server.
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    places.make_room();
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            },
        };
        // Only now, with somebody at the door, must somebody idle go.
        let seat = tokio::select! {
            () = stopped(&mut stop) => break,
            seat = places.next() => seat,
        };
        let serving = serve_connection(&builder, stream, router.clone(), seat, config, &graceful);
        let connections = metrics::gauge!("lawless_http_connections");
        connections.increment(1.0);
        tokio::spawn(async move {
            serving.await;
            connections.decrement(1.0);
        });
    }
    // New connections are refused from here on, open ones are told to finish.
    drop(listener);
    tokio::time::timeout(config.drain_deadline(), graceful.shutdown())
        .await
        .map_err(|_| anyhow::anyhow!("requests were still open after {:?}", config.drain_deadline()))
}

fn connection_builder(config: &ServerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_read_timeout())
        .max_buf_size(config.max_header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams_per_connection)
        .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(config.header_read_timeout());
    builder
}

fn serve_connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
    seat: Arc<Seat>,
    config: &ServerConfig,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    // Answers are small and latency counts.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "TCP_NODELAY could not be set");
    }
    give_up_on_silence(&stream, config.unread_answer_timeout());
    let of_requests = seat.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = of_requests.begin();
        let answering = router.clone().oneshot(request.map(Body::new));
        async move { answering.await.map(|response| response.map(|body| under_way.answer(body))) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let watched = graceful.watch(connection);
    let first_request_timeout = config.header_read_timeout();
    async move {
        let mut watched = std::pin::pin!(watched);
        let mut first_request = std::pin::pin!(sleep(first_request_timeout));
        let mut waits_for_first = true;
        loop {
            tokio::select! {
                biased;
                ended = &mut watched => {
                    if let Err(e) = ended {
                        // A client that breaks off is no event of ours.
                        tracing::debug!(error = %e, "a connection ended badly");
                    }
                    return;
                }
                // The library times heads from their first byte on. One that sends nothing is timed here.
                () = &mut first_request, if waits_for_first => {
                    if !seat.was_asked() {
                        return;
                    }
                    waits_for_first = false;
                }
                () = seat.told_to_leave() => {
                    if seat.is_idle() {
                        return;
                    }
                }
            }
        }
    }
}

/// Lets the system end the connection when the other side takes nothing of what was sent to it for so long: what waits
/// to be sent takes memory.
#[cfg(target_os = "linux")]
fn give_up_on_silence(stream: &TcpStream, patience: Duration) {
    let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    if let Err(e) = rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds) {
        tracing::debug!(error = %e, "TCP_USER_TIMEOUT could not be set");
    }
}

/// Other systems have no such option: there it is `max_connections` alone that bounds what waits to be sent.
#[cfg(not(target_os = "linux"))]
fn give_up_on_silence(_stream: &TcpStream, _patience: Duration) {}

/// A body that ends with an error when it is not complete in time, however steadily it trickles.
struct DeadlineBody {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

impl hyper::body::Body for DeadlineBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        ready!(self.deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(axum::Error::new(BodyTimedOut))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bounds how long the body of a request may take. Requests without one cost nothing; a batch of commands goes on for
/// as long as its lines do, and bounds each of them itself.
pub(super) async fn with_body_deadline(request: Request<Body>, timeout: Duration) -> Request<Body> {
    if request.body().is_end_stream() || request.uri().path() == BATCH_PATH {
        return request;
    }
    request.map(|body| Body::new(DeadlineBody { body, deadline: Box::pin(sleep(timeout)) }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;
    use crate::config::{Config, Overrides};

    /// A server with short patience: its address, the way to stop it, and its end.
    async fn start(router: Router) -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<anyhow::Result<()>>) {
        let mut config = Config::load(None, &Overrides::default()).unwrap().server;
        config.header_read_timeout_ms = 100;
        config.drain_deadline_ms = 5_000;
        let listener = bind("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, stop) = watch::channel(false);
        let serving = tokio::spawn(async move { serve(listener, router, &config, config.max_connections, stop).await });
        (address, sender, serving)
    }

    async fn all_of(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, stream.read_to_string(&mut text)).await.expect("it ends by itself").unwrap();
        text
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_and_a_body_that_trickles_are_cut_off() {
        let take = async |body: Result<Bytes, axum::extract::rejection::BytesRejection>| match body {
            Ok(_) => "whole",
            Err(_) => "cut off",
        };
        let router = Router::new()
            .route("/", post(take))
            .layer(axum::middleware::map_request(|request| with_body_deadline(request, Duration::from_millis(100))));
        let (address, _stop, _serving) = start(router).await;

        let mut slow_head = TcpStream::connect(address).await.unwrap();
        slow_head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        let answer = all_of(&mut slow_head).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");

        let mut slow_body = TcpStream::connect(address).await.unwrap();
        let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc";
        slow_body.write_all(head).await.unwrap();
        let answer = all_of(&mut slow_body).await;
        assert!(answer.ends_with("cut off"), "{answer}");
    }

    #[tokio::test]
    async fn open_requests_are_finished_when_the_server_stops() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (told, waits) = (begun.clone(), go_on.clone());
        let slow = move || async move {
            told.notify_one();
            waits.notified().await;
            "finished"
        };
        let (address, stop, serving) = start(Router::new().route("/", get(slow))).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.send_replace(true);
        // It has stopped listening before it waits for the request.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!serving.is_finished(), "it waits for the request");
        go_on.notify_one();
        assert!(all_of(&mut stream).await.ends_with("finished"));
        serving.await.unwrap().unwrap();
    }
}

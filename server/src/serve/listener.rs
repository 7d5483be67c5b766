//! Accepts connections and serves a router on them, within bounds, until told to stop.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Sleep, sleep};
use tower::ServiceExt;

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

/// Serves until `stop` says so, then waits for open requests, at most as long as the drain deadline.
///
/// # Errors
/// Requests were still open at the deadline.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    config: &ServerConfig,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let builder = connection_builder(config);
    let places = Arc::new(Semaphore::new(config.max_connections));
    let graceful = GracefulShutdown::new();
    loop {
        let place = tokio::select! {
            () = stopped(&mut stop) => break,
            place = places.clone().acquire_owned() => place.context("the listener's places are gone")?,
        };
        let stream = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    // A connection that went away, or no descriptor left: neither ends the server.
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            },
        };
        let serving = serve_connection(&builder, stream, router.clone(), &graceful);
        tokio::spawn(async move {
            serving.await;
            drop(place);
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
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    // Answers are small and latency counts.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "TCP_NODELAY could not be set");
    }
    let service = router.map_request(|request: hyper::Request<Incoming>| request.map(Body::new));
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let watched = graceful.watch(connection);
    async move {
        if let Err(e) = watched.await {
            // A client that breaks off is no event of ours.
            tracing::debug!(error = %e, "a connection ended badly");
        }
    }
}

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
        Poll::Ready(Some(Err(axum::Error::new("the body of the request took too long"))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bounds how long the body of a request may take. Requests without one cost nothing.
pub(super) async fn with_body_deadline(request: Request<Body>, timeout: Duration) -> Request<Body> {
    if request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::new(DeadlineBody { body, deadline: Box::pin(sleep(timeout)) }))
}

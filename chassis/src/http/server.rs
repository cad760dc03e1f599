//! A listener: accepts connections, serves a router on them, and ends politely.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::closing::Closing;
use super::settings::HttpSettings;
use crate::{Error, ErrorKind, Result};

/// Limits on what a connection may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    pub(crate) header_limit: usize,
    pub(crate) header_timeout: Duration,
}

impl From<&HttpSettings> for ConnectionLimits {
    fn from(settings: &HttpSettings) -> Self {
        Self { header_limit: settings.header_limit, header_timeout: settings.header_timeout }
    }
}

/// An address that is taken, but not served yet.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address.
    ///
    /// # Errors
    /// Names the address and the setting that chose it.
    pub(crate) async fn bind(address: SocketAddr, setting: &str) -> Result<Self> {
        let fault = |error: io::Error| {
            let advice = match error.kind() {
                io::ErrorKind::AddrInUse => "the port is taken",
                io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege",
                _ => "the address cannot be used",
            };
            Error::new(
                ErrorKind::Config,
                format!("cannot listen on {address}: {advice}; set `{setting}` to another one"),
            )
            .with_source(error)
        };
        let socket = TcpListener::bind(address).await.map_err(fault)?;
        let address = socket.local_addr().map_err(fault)?;
        Ok(Self { socket, address })
    }

    /// The address, with the port that was chosen where 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to serve.
    pub(crate) fn serve(self, router: Router, limits: ConnectionLimits) -> Server {
        self.start(router, limits, false)
    }

    /// Starts to serve, and lets handlers know who calls: each request has its [`Peer`] among its extensions.
    pub(crate) fn serve_known(self, router: Router, limits: ConnectionLimits) -> Server {
        self.start(router, limits, true)
    }

    fn start(self, router: Router, limits: ConnectionLimits, known: bool) -> Server {
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(self.socket, router, limits, known, stop.clone()));
        Server { stop, task }
    }
}

/// The other end of the connection that a request came over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(
    #[cfg_attr(not(any(feature = "messaging", feature = "client")), expect(dead_code, reason = "it is audited"))]
    pub(crate) SocketAddr,
);

/// The service of one connection.
#[derive(Clone)]
struct Connected {
    service: TowerToHyperService<Router>,
    peer: Option<Peer>,
}

impl hyper::service::Service<http::Request<hyper::body::Incoming>> for Connected {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future =
        <TowerToHyperService<Router> as hyper::service::Service<http::Request<hyper::body::Incoming>>>::Future;

    fn call(&self, mut request: http::Request<hyper::body::Incoming>) -> Self::Future {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.service.call(request)
    }
}

/// A listener that is being served.
pub(crate) struct Server {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Accepts no more connections, tells those there are that it is ending (HTTP/2 GOAWAY, `connection: close`), and
    /// waits until their requests have ended, but not longer than `grace`; says whether they had.
    pub(crate) async fn drain(mut self, grace: Duration) -> bool {
        self.stop.cancel();
        let ended = tokio::time::timeout(grace, &mut self.task).await.is_ok();
        self.task.abort();
        ended
    }
}

async fn accept(socket: TcpListener, router: Router, limits: ConnectionLimits, known: bool, stop: CancellationToken) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_limit)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_header_list_size(u32::try_from(limits.header_limit).unwrap_or(u32::MAX));
    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = socket.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = connection(&builder, stream, Connected { service, peer: known.then_some(Peer(peer)) });
        let connection = connections.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(socket);
    connections.shutdown().await;
}

fn connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    service: Connected,
) -> auto::Connection<'_, TokioIo<Closing>, Connected, TokioExecutor> {
    // Small answers must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    builder.serve_connection(TokioIo::new(Closing::new(stream)), service)
}

/// A connection that broke before it was accepted says nothing about the next one; the want of descriptors passes, but
/// not at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections; trying again in a second");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

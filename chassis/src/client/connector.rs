//! How connections are made: TCP, TLS for `https`, and which HTTP is spoken on them.

use std::sync::Arc;

use http::Request;
use http::uri::Scheme;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::time::Duration;

use super::ClientSettings;
use super::sending::Sending;
use super::settings::HttpVersion;
use crate::{Error, ErrorKind, Result};

/// Connections of one client, kept open and shared.
pub(super) enum Pool {
    /// For `http`: what can be either costs each call something, and a certificate is looked for where there is none.
    Plain(Client<HttpConnector, Sending>),
    Tls(Client<HttpsConnector<HttpConnector>, Sending>),
}

impl Pool {
    pub(super) fn request(&self, request: Request<Sending>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

/// How long an HTTP/2 connection with calls under way may be silent, and then how long it may take to answer a ping. All
/// calls share it: a cable that was pulled would take down each until the operating system notices, which takes minutes.
const SILENT_FOR: Duration = Duration::from_secs(2);
const PONG_WITHIN: Duration = Duration::from_secs(2);

/// For how long the other side of a connection may take nothing of what is sent, in each of the ways that it can.
const UNREAD_FOR: Duration = Duration::from_secs(60);

/// `name` is whose certificate the other side is to show, where that is not the host of the address.
///
/// # Errors
/// TLS cannot be set up.
pub(super) fn pool(scheme: &Scheme, name: Option<&str>, settings: &ClientSettings) -> Result<Pool> {
    let tcp = tcp(settings.connect_timeout, unread_for(settings));
    pool_over(tcp, scheme, name, settings)
}

/// How long the other side of a connection may take nothing of what is sent: longer than whoever waits for a call does.
fn unread_for(settings: &ClientSettings) -> Duration {
    UNREAD_FOR.max(settings.timeouts().attempt * 2)
}

fn tcp(connect_timeout: Duration, unread_for: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(connect_timeout));
    tcp.set_nodelay(true);
    // What was given up half-way is still written to its connection before that is closed: to somebody who reads nothing it
    // would be for good.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(unread_for));
    #[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
    let _ = unread_for;
    tcp
}

fn pool_over(mut tcp: HttpConnector, scheme: &Scheme, name: Option<&str>, settings: &ClientSettings) -> Result<Pool> {
    let version = match settings.http_version {
        // Which one it is, is agreed on with TLS. And an HTTP/2 request names whom it is for by the address that it is sent to,
        // which would be the instance's.
        HttpVersion::Auto if *scheme != Scheme::HTTPS || name.is_some() => HttpVersion::Http1,
        version => version,
    };
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(settings.idle_timeout);
    if version != HttpVersion::Http1 {
        client
            .timer(TokioTimer::new())
            .http2_only(version == HttpVersion::Http2)
            .http2_keep_alive_interval(SILENT_FOR)
            .http2_keep_alive_timeout(PONG_WITHIN);
    }
    if *scheme != Scheme::HTTPS {
        return Ok(Pool::Plain(client.build(tcp)));
    }
    tcp.enforce_http(false);
    let mut connector = HttpsConnectorBuilder::new().with_tls_config(tls()?).https_only();
    if let Some(name) = name {
        let name = ServerName::try_from(name.to_owned()).map_err(|error| {
            Error::new(ErrorKind::Config, format!("`{name}` is no name that a certificate can have")).with_source(error)
        })?;
        connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let connector = match version {
        HttpVersion::Auto => connector.enable_all_versions().wrap_connector(tcp),
        HttpVersion::Http1 => connector.enable_http1().wrap_connector(tcp),
        HttpVersion::Http2 => connector.enable_http2().wrap_connector(tcp),
    };
    Ok(Pool::Tls(client.build(connector)))
}

/// Trusts what the system trusts.
fn tls() -> Result<ClientConfig> {
    use hyper_rustls::ConfigBuilderExt;

    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Config, "TLS cannot be set up").with_source(error))?;
    let roots = versions.with_native_roots().map_err(|error| {
        Error::new(ErrorKind::Config, "the system has no certificates to trust (install `ca-certificates`)")
            .with_source(error)
    })?;
    Ok(roots.with_no_client_auth())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use harness::eventually;
    use http::Method;
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::call::Call;
    use crate::client::outgoing::Outgoing;
    use crate::client::upload::Flow;
    use crate::http::ByteStream;
    use crate::http::stream::Payload;

    /// The sockets that are connected to a port, with or without a program that holds them: how much each has still to send.
    fn held(port: u16) -> Vec<u64> {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux tells them");
        let queue = |line: &str| {
            let mut fields = line.split_whitespace().skip(2);
            let (to, _, queues) = (fields.next()?, fields.next()?, fields.next()?);
            let unsent = queues.split(':').next().and_then(|unsent| u64::from_str_radix(unsent, 16).ok());
            unsent.filter(|_| to == format!("0100007F:{port:04X}"))
        };
        sockets.lines().filter_map(queue).collect()
    }

    /// A request without end, of one form or the other.
    fn endless(streams: bool) -> Call {
        let piece = Bytes::from(vec![7; 1 << 20]);
        let body = if streams { Bytes::new() } else { vec![7; 64 << 20].into() };
        let outgoing = Outgoing { method: Method::PUT, body: Payload::Whole(body), ..Outgoing::example() };
        let mut call = Call::example(outgoing);
        let source = ByteStream::new(stream::repeat_with(move || Ok::<_, Error>(piece.clone())));
        call.flow = streams.then(|| Arc::new(Flow::new(source, crate::Context::default())));
        call
    }

    #[tokio::test]
    async fn a_connection_whose_other_side_reads_nothing_ends() {
        for streams in [true, false] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it has an address");
            let settings = ClientSettings::default();
            let tcp = tcp(settings.connect_timeout, Duration::from_secs(1));
            let pool = pool_over(tcp, &Scheme::HTTP, None, &settings).expect("no TLS");
            let call = endless(streams);
            let mut request = Request::new(Sending::of(&call));
            *request.method_mut() = Method::PUT;
            *request.uri_mut() = format!("http://{address}/").parse().expect("an address");
            let exchanging = request.body().exchanging();
            let sent = tokio::spawn(pool.request(request));
            let (_silent, _) = listener.accept().await.expect("it comes");
            let mut last = Vec::new();
            eventually("no more is taken", || {
                let before = std::mem::replace(&mut last, held(address.port()));
                std::future::ready((last.iter().any(|unsent| *unsent > 0) && last == before).then_some(()))
            })
            .await;
            sent.abort();
            assert!(sent.await.is_err(), "nobody has answered");
            drop((exchanging, call));
            assert_eq!(held(address.port()).len(), 1, "what is on its way holds it");
            eventually("it is let go of", async || held(address.port()).is_empty().then_some(())).await;
        }
    }
}

//! Connections: HTTP/1.1, kept open and shared, TLS for `https`.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tower::Service;

use super::ClientSettings;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// Sends requests and reads answers whole.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    response_limit: usize,
}

impl Transport {
    /// `name` is whose certificate the other side is to show, where that is not the host of the address.
    pub(super) fn new(scheme: &Scheme, name: Option<&str>, settings: &ClientSettings) -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let mut connector = HttpsConnectorBuilder::new().with_tls_config(tls(scheme)?).https_or_http();
        if let Some(name) = name.filter(|_| *scheme == Scheme::HTTPS) {
            let name = ServerName::try_from(name.to_owned()).map_err(|error| {
                Error::new(ErrorKind::Config, format!("`{name}` is no name that a certificate can have"))
                    .with_source(error)
            })?;
            connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = connector.enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .build(connector.wrap_connector(tcp));
        Ok(Self { client, response_limit: settings.response_limit })
    }
}

/// Trusts what the system trusts; for plain `http` nothing is loaded.
fn tls(scheme: &Scheme) -> Result<ClientConfig> {
    use hyper_rustls::ConfigBuilderExt;

    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Config, "TLS cannot be set up").with_source(error))?;
    if *scheme != Scheme::HTTPS {
        return Ok(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let roots = versions.with_native_roots().map_err(|error| {
        Error::new(ErrorKind::Config, "the system has no certificates to trust (install `ca-certificates`)")
            .with_source(error)
    })?;
    Ok(roots.with_no_client_auth())
}

impl Service<Request<Bytes>> for Transport {
    type Response = Response<Bytes>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Bytes>>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let sent = self.client.request(request.map(Full::new));
        let limit = self.response_limit;
        Box::pin(async move {
            let response = sent.await.map_err(|error| {
                let message = if error.is_connect() { "cannot connect" } else { "the connection broke off" };
                Error::new(ErrorKind::Unavailable, message).with_source(error)
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, limit).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let message = format!("the answer is larger than {limit} bytes (`response_limit`)");
                    return Error::new(ErrorKind::Protocol, message);
                }
                Error::new(ErrorKind::Unavailable, "the answer broke off").with_source(error)
            })?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        })
    }
}

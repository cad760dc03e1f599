//! Posts one kind of export to its endpoint.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::config::mask_url;
use crate::telemetry::OtlpSettings;
use crate::{Error, ErrorKind, Result, ResultExt};

/// How often one export is tried.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A collector that asks for more patience than this is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Answers are a few bytes; more is no answer of a collector.
const ANSWER_LIMIT: usize = 64 * 1024;

pub(super) struct Client {
    hyper: Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    stopping: watch::Receiver<bool>,
    /// So that an outage is one line in the log, not one per export.
    failing: bool,
}

impl Client {
    pub(super) fn new(
        endpoint: &str,
        path: &str,
        settings: &OtlpSettings,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self> {
        let uri = format!("{}{path}", endpoint.trim_end_matches('/'));
        let uri = uri.parse::<Uri>().context("telemetry.otlp.endpoint is no URL").kind(ErrorKind::Config)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &settings.headers {
            let context = || format!("telemetry.otlp.headers.{name} is no valid header");
            let value = HeaderValue::try_from(value.expose()).context(context()).kind(ErrorKind::Config)?;
            let name = HeaderName::try_from(name).context(context()).kind(ErrorKind::Config)?;
            headers.insert(name, value);
        }
        let tls = tls(uri.scheme_str() == Some("https"))?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let hyper = Hyper::builder(TokioExecutor::new()).build(connector);
        Ok(Self { hyper, uri, headers, timeout: settings.timeout, stopping, failing: false })
    }

    /// Sends one export and gives the collector's answer. A failure is tried again unless the process is ending, and
    /// logged when it is news.
    pub(super) async fn send(&mut self, body: Vec<u8>) -> Result<Bytes, ()> {
        let body = Bytes::from(body);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match self.attempt(body.clone()).await {
                Ok(answer) => {
                    if std::mem::take(&mut self.failing) {
                        tracing::info!(endpoint = mask_url(&self.uri.to_string()), "telemetry is exported again");
                    }
                    return Ok(answer);
                }
                Err(failure) => {
                    let wait = failure.again_after(pause);
                    if let (Some(wait), true) = (wait, attempt < ATTEMPTS && !*self.stopping.borrow()) {
                        tokio::select! {
                            () = sleep(wait) => {}
                            _ = self.stopping.wait_for(|stop| *stop) => {}
                        }
                        pause *= 2;
                        continue;
                    }
                    if !std::mem::replace(&mut self.failing, true) {
                        let endpoint = mask_url(&self.uri.to_string());
                        tracing::warn!(endpoint, error = failure.reason, "telemetry cannot be exported");
                    }
                    return Err(());
                }
            }
        }
        Err(())
    }

    async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let exchange = async {
            let response = self.hyper.request(request).await.map_err(|error| Failure::passing(&Error::from(error)))?;
            let (status, pause) = (response.status(), retry_after(response.headers()));
            let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
            let body = body.map_err(|error| Failure::passing(&Error::from_boxed(error)))?.to_bytes();
            if status.is_success() {
                return Ok(body);
            }
            // The statuses that OTLP/HTTP says may be tried again.
            let passing = [
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ];
            let reason = format!("the collector answered {status}");
            Err(Failure { reason, passing: passing.contains(&status), pause })
        };
        timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {}", humantime::format_duration(self.timeout));
            Err(Failure { reason, passing: true, pause: None })
        })
    }
}

struct Failure {
    reason: String,
    passing: bool,
    /// What the collector asked for.
    pause: Option<Duration>,
}

impl Failure {
    fn passing(error: &Error) -> Self {
        Self { reason: format!("{error:#}"), passing: true, pause: None }
    }

    /// How long to wait before the next try, if one makes sense.
    fn again_after(&self, pause: Duration) -> Option<Duration> {
        let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.passing.then(|| self.pause.unwrap_or(jittered)).filter(|pause| *pause <= LONGEST_PAUSE)
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// The machine's certificates take a while to load, so they are loaded only for https.
fn tls(needed: bool) -> Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = if needed {
        config.with_native_roots().context("the machine's certificates cannot be loaded")?
    } else {
        config.with_root_certificates(rustls::RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

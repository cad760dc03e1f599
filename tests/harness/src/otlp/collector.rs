//! The server that takes the spans in.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::span::spans;
use super::{Span, Trace};

const LIMIT: Duration = Duration::from_secs(30);

/// Takes spans in on a port of its own and keeps them. It ends with its handle.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    spans: watch::Sender<Vec<Span>>,
    // What every request is answered with.
    status: AtomicU16,
    metrics: AtomicU64,
    refused: AtomicU64,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for the collector");
        let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Arc::new(Shared {
            spans: watch::Sender::new(Vec::new()),
            status: AtomicU16::new(200),
            metrics: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let server = tokio::spawn(listen(listener, shared.clone()));
        Self { endpoint, shared, server }
    }

    /// Its base address, as `OTEL_EXPORTER_OTLP_ENDPOINT` takes it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Answers every request from now on with `status`, and keeps spans only when that is 200.
    pub fn answer_with(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    /// The number of requests that were answered with another status than 200.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// The number of exports of metrics that have arrived.
    pub fn metric_exports(&self) -> u64 {
        self.shared.metrics.load(Ordering::SeqCst)
    }

    /// All spans so far, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        self.shared.spans.borrow().clone()
    }

    /// The spans of one trace so far.
    pub fn trace(&self, id: &str) -> Trace {
        Trace::new(self.shared.spans.borrow().iter().filter(|span| span.trace == id).cloned().collect())
    }

    /// All traces so far by id.
    pub fn traces(&self) -> BTreeMap<String, Trace> {
        group(&self.spans())
    }

    /// Waits until `find` gives something for the spans so far, at most 30 seconds; `what` says what was missed.
    pub async fn wait_for<T>(&self, what: &str, find: impl Fn(&[Span]) -> Option<T>) -> T {
        let mut spans = self.shared.spans.subscribe();
        let start = Instant::now();
        loop {
            if let Some(found) = find(&spans.borrow_and_update()) {
                return found;
            }
            let rest = LIMIT.saturating_sub(start.elapsed());
            if tokio::time::timeout(rest, spans.changed()).await.is_err() {
                let all: String = self.traces().iter().map(|(id, trace)| format!("trace {id}\n{trace}")).collect();
                panic!("in {LIMIT:?} the spans never had: {what}. There were:\n{all}");
            }
        }
    }

    /// Waits until the trace is one tree in which all `services` have a span.
    pub async fn wait_for_tree(&self, id: &str, services: &[&str]) -> Trace {
        let what = format!("trace {id} as one tree with spans of {services:?}");
        self.wait_for(&what, |spans| {
            let trace = Trace::new(spans.iter().filter(|span| span.trace == id).cloned().collect());
            let seen = trace.services();
            let complete = services.iter().all(|service| seen.contains(service)) && trace.check().is_ok();
            complete.then_some(trace)
        })
        .await
    }

    /// Waits until a trace is one tree whose spans satisfy `complete`; the first such one is given.
    pub async fn wait_for_trace(&self, what: &str, complete: impl Fn(&Trace) -> bool) -> Trace {
        self.wait_for(what, |spans| group(spans).into_values().find(|trace| trace.check().is_ok() && complete(trace)))
            .await
    }
}

fn group(spans: &[Span]) -> BTreeMap<String, Trace> {
    let mut groups: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        groups.entry(span.trace.clone()).or_default().push(span.clone());
    }
    groups.into_iter().map(|(id, spans)| (id, Trace::new(spans))).collect()
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, shared.clone()));
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let status = shared.status.load(Ordering::SeqCst);
    if status != 200 {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        return Ok(response(status, Vec::new()));
    }
    Ok(match path.as_str() {
        "/v1/traces" => match ExportTraceServiceRequest::decode(body) {
            Ok(request) => {
                shared.spans.send_modify(|all| all.extend(spans(request)));
                response(200, ExportTraceServiceResponse::default().encode_to_vec())
            }
            Err(error) => response(400, format!("not OTLP in protobuf: {error}").into_bytes()),
        },
        "/v1/metrics" => {
            shared.metrics.fetch_add(1, Ordering::SeqCst);
            response(200, Vec::new())
        }
        "/v1/logs" => response(200, Vec::new()),
        other => response(404, format!("no {other} here").into_bytes()),
    })
}

fn response(status: u16, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("a status code");
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/x-protobuf"));
    response
}

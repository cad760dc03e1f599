//! One instance of a service, which does as it is told and counts.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use chassis::prelude::*;
use chassis::testing::{RunningApp, TestApp};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

#[contract(name = "stock", version = 1)]
pub trait Stock {
    #[get("/stock/{sku}")]
    async fn stock(&self, sku: String) -> Result<u32>;
}

/// Serves until it is dropped; the connections that it has go on until they are idle.
pub struct Replica {
    pub address: String,
    told: Arc<Told>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Told {
    calls: AtomicUsize,
    fails: AtomicBool,
    holds: AtomicBool,
    release: Notify,
}

impl Replica {
    pub async fn start(ip: Ipv4Addr, port: u16) -> Self {
        let told = Arc::<Told>::default();
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::clone(&told);
        let router = Router::new().route(
            "/v1/stock/{sku}",
            get(async move || {
                state.calls.fetch_add(1, Ordering::SeqCst);
                if state.holds.load(Ordering::SeqCst) {
                    state.release.notified().await;
                }
                let fails = state.fails.load(Ordering::SeqCst);
                (if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(7))
            }),
        );
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, told, _task: AbortOnDropHandle::new(task) }
    }

    /// How often it was called since the last time.
    pub fn calls(&self) -> usize {
        self.told.calls.swap(0, Ordering::SeqCst)
    }

    pub fn fail(&self, fails: bool) {
        self.told.fails.store(fails, Ordering::SeqCst);
    }

    /// Lets callers wait until they are released.
    pub fn hold(&self) {
        self.told.holds.store(true, Ordering::SeqCst);
    }

    pub async fn until_called(&self) {
        harness::eventually("a call", async || (self.told.calls.load(Ordering::SeqCst) > 0).then_some(())).await;
    }

    pub fn release(&self) {
        self.told.holds.store(false, Ordering::SeqCst);
        self.told.release.notify_waiters();
    }
}

struct Caller;

#[service(name = "caller")]
impl Caller {
    #[init]
    async fn new(_: StockClient) -> Result<Self> {
        Ok(Self)
    }
}

/// A process that calls `stock` with these settings of `[clients.stock]`, the URL aside.
pub async fn caller(settings: &str) -> (RunningApp, StockClient) {
    caller_with(&format!("[clients.stock]\nurl = 'http://stock.test'\n{settings}")).await
}

/// A process with these settings, which calls `stock`.
pub async fn caller_with(settings: &str) -> (RunningApp, StockClient) {
    let started = TestApp::new().service(Caller::new).settings(settings).start().await;
    let app = started.unwrap_or_else(|error| panic!("{error:#}"));
    let client = app.client::<StockClient>().await.unwrap_or_else(|error| panic!("{error:#}"));
    (app, client)
}

/// Makes calls one after the other; gives how many failed.
pub async fn call(client: &StockClient, count: usize) -> usize {
    let mut failed = 0;
    for _ in 0..count {
        failed += usize::from(client.stock("mug".into()).await.is_err());
    }
    failed
}

//! A server that works, fails or waits as it is told, and counts who comes to its handlers.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use chassis::resilience::GuardError;
use harness::http::Client;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

pub struct Host {
    pub client: Client,
    pub told: Arc<Told>,
    _task: AbortOnDropHandle<()>,
}

pub struct Told {
    came: AtomicUsize,
    /// How many of the next calls fail.
    pub fails: AtomicUsize,
    /// Whoever asks for `/held` takes one.
    pub gate: Semaphore,
}

impl Host {
    /// `guard` puts a layer around its routes.
    pub async fn start(guard: impl FnOnce(Router) -> Router) -> Self {
        let told = Arc::new(Told { came: AtomicUsize::new(0), fails: AtomicUsize::new(0), gate: Semaphore::new(0) });
        let (plain, held) = (Arc::clone(&told), Arc::clone(&told));
        let router = Router::new().route("/", get(async move || plain.answer())).route(
            "/held",
            get(async move || {
                let status = held.answer();
                held.gate.acquire().await.unwrap().forget();
                status
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(format!("http://{}", listener.local_addr().unwrap()));
        let router = guard(router);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { client, told, _task: AbortOnDropHandle::new(task) }
    }

    pub async fn get(&self) -> u16 {
        self.client.get("/").send().await.status()
    }

    /// What becomes of so many calls, one after the other.
    pub async fn gets(&self, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.get().await);
        }
        statuses
    }

    /// A call that is answered when the gate opens.
    pub fn hold(&self) -> JoinHandle<u16> {
        let client = self.client.clone();
        tokio::spawn(async move { client.get("/held").send().await.status() })
    }

    /// How many calls have come to a handler.
    pub fn came(&self) -> usize {
        self.told.came.load(Ordering::SeqCst)
    }

    pub async fn until_came(&self, count: usize) {
        harness::eventually("they come", async || (self.came() == count).then_some(())).await;
    }
}

impl Told {
    fn answer(&self) -> StatusCode {
        self.came.fetch_add(1, Ordering::SeqCst);
        let fails = self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fails { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    }
}

/// What a server answers to what a layer refuses.
pub async fn refused<R: Display>(error: GuardError<R, Infallible>) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

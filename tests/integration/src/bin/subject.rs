//! A service that does whatever a test wants to see the chassis deal with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chassis::axum::Router;
use chassis::axum::body::Bytes;
use chassis::axum::routing::get;
use chassis::prelude::*;
use tokio::sync::Notify;

#[derive(Default)]
struct Subject {
    released: Notify,
    runs: AtomicU32,
    finished: AtomicU32,
    orders: AtomicU32,
}

#[service(name = "subject", database)]
impl Subject {
    #[get("/hello/{name}")]
    async fn hello(&self, Path(name): Path<String>) -> String {
        name
    }

    #[post("/bytes")]
    async fn bytes(&self, body: Bytes) -> String {
        body.len().to_string()
    }

    #[get("/numbers/{number}")]
    async fn number(&self, Path(number): Path<u32>) -> String {
        number.to_string()
    }

    #[get("/panic")]
    async fn panics(&self) -> String {
        panic!("the secret of the subject")
    }

    #[get("/failing/{how}")]
    async fn failing(&self, Path(how): Path<String>) -> Result<String> {
        match how.as_str() {
            "missing" => Err(Problem::new(StatusCode::NOT_FOUND, "no_such_thing").detail("There is none."))?,
            "overloaded" => Err(Error::new(ErrorKind::Overloaded, "the secret of the subject")),
            _ => Ok(std::fs::read_to_string("/the secret of the subject").context("reading the page")?),
        }
    }

    #[get("/failing-problem")]
    async fn failing_problem(&self) -> Result<String, Problem> {
        let read = std::fs::read_to_string("/the secret of the subject").context("reading the page")?;
        Ok(read)
    }

    /// Counts how often it ran, and fails at the first.
    #[post("/orders", idempotent)]
    async fn order(&self, Json(text): Json<String>) -> Result<(StatusCode, Json<String>), StatusCode> {
        let count = self.orders.fetch_add(1, Ordering::SeqCst);
        if text == "broken" {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if text == "held" {
            println!("order held");
            self.released.notified().await;
        }
        Ok((StatusCode::CREATED, Json(format!("{text} {count}"))))
    }

    /// How much time the handler has, in milliseconds.
    #[get("/remaining")]
    async fn remaining(&self) -> String {
        Context::current().remaining().map_or_else(String::new, |left| left.as_millis().to_string())
    }

    #[get("/slow", timeout = "100ms")]
    async fn slow(&self) -> String {
        std::future::pending().await
    }

    /// Waits until `/release`, whether anybody waits for its answer or not.
    #[post("/held")]
    async fn held(&self) -> String {
        println!("held");
        self.released.notified().await;
        self.finished.fetch_add(1, Ordering::SeqCst);
        "released".into()
    }

    #[post("/release")]
    async fn release(&self) {
        self.released.notify_waiters();
    }

    #[get("/finished")]
    async fn finished(&self) -> String {
        self.finished.load(Ordering::SeqCst).to_string()
    }

    #[get("/runs")]
    async fn runs(&self) -> String {
        self.runs.load(Ordering::SeqCst).to_string()
    }

    #[every("50ms")]
    async fn works(&self) -> Result<()> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    #[every("50ms")]
    async fn panics_at_work(&self) -> Result<()> {
        panic!("a job")
    }

    #[every("1h")]
    async fn rarely(&self) -> Result<()> {
        println!("rarely ran");
        Ok(())
    }

    #[check(degrading)]
    async fn halting(&self) -> Health {
        Health::Degraded("on purpose".into())
    }

    #[router]
    fn more(_this: &Arc<Self>, router: Router) -> Router {
        router
            .route("/by-hand", get(async || "by hand"))
            .route("/by-hand/panic", get(async || -> String { panic!("the secret of the subject") }))
    }
}

fn main() -> ExitCode {
    // A start that takes long, for the test of a signal before readiness.
    if let Some(millis) = std::env::var("SUBJECT_START_MS").ok().and_then(|text| text.parse().ok()) {
        return chassis::run(async move || {
            println!("starting slowly");
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, Error>(Subject::default())
        });
    }
    chassis::run(Subject::default())
}

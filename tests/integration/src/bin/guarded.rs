//! A service whose routes say how they are guarded, and which counts what its handlers did.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chassis::axum::body::Bytes;
use chassis::prelude::*;
use tokio::sync::watch;

/// What others may ask.
#[contract(name = "parcels", version = 1)]
pub trait Parcels {
    /// Two at a time.
    #[get("/parcels/{id}", limit = 2)]
    async fn parcel(&self, id: u32) -> Result<u32>;

    /// Small ones, and not often.
    #[post("/parcels", body_limit = "100 B", rate = "2/h")]
    async fn send(&self, text: String) -> Result<()>;

    /// Ends with who asks.
    #[post("/parcels/lost", cancellable)]
    async fn search(&self) -> Result<()>;
}

/// Whence and whither.
#[model]
pub struct Label {
    /// Whence.
    pub from: u8,
    /// Whither.
    pub to: u8,
}

/// Says nothing of its form.
#[derive(serde::Deserialize)]
struct Plain {
    number: u32,
}

/// How often a handler has begun, come to its end, and been cancelled.
type Runs = BTreeMap<&'static str, [u32; 3]>;

struct Guarded {
    runs: Mutex<Runs>,
    released: watch::Sender<bool>,
}

/// A run of a handler, which was cancelled unless it ends.
struct Run<'a> {
    runs: &'a Mutex<Runs>,
    name: &'static str,
    ended: bool,
}

impl Run<'_> {
    fn count(&self, what: usize) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).entry(self.name).or_default()[what] += 1;
    }

    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.count(if self.ended { 1 } else { 2 });
    }
}

impl Guarded {
    fn begin(&self, name: &'static str) -> Run<'_> {
        let run = Run { runs: &self.runs, name, ended: false };
        run.count(0);
        run
    }

    fn answer(&self, name: &'static str) -> &'static str {
        self.begin(name).end();
        name
    }

    /// Waits until `/release`.
    async fn hold(&self, name: &'static str) -> &'static str {
        let run = self.begin(name);
        let _ = self.released.subscribe().wait_for(|released| *released).await;
        run.end();
        name
    }
}

#[service(name = "guarded", provides(Parcels))]
impl Guarded {
    #[post("/small", body_limit = "1 KiB")]
    async fn small(&self, body: Bytes) -> String {
        self.answer("small");
        body.len().to_string()
    }

    /// Turns a label around.
    #[post("/labels")]
    async fn label(&self, Json(label): Json<Label>) -> Result<(StatusCode, Json<Vec<Label>>)> {
        let (from, to) = (label.to, label.from);
        Ok((StatusCode::CREATED, Json(vec![Label { from, to }])))
    }

    /// Of what has no schema, it is known that it is JSON.
    #[post("/plain-labels")]
    async fn plain_label(&self, Json(label): Json<Plain>) -> Json<u32> {
        Json(label.number)
    }

    #[post("/large")]
    async fn large(&self, body: Bytes) -> String {
        body.len().to_string()
    }

    #[get("/rated", rate = "3/h")]
    async fn rated(&self) -> &'static str {
        self.answer("rated")
    }

    #[get("/bursting", rate = "1000/h", burst = 2)]
    async fn bursting(&self) -> &'static str {
        self.answer("bursting")
    }

    #[get("/places", limit = 2)]
    async fn places(&self) -> &'static str {
        self.hold("places").await
    }

    #[get("/first")]
    async fn first(&self) -> &'static str {
        self.hold("first").await
    }

    #[get("/second")]
    async fn second(&self) -> &'static str {
        self.hold("second").await
    }

    #[get("/sheddable", priority = "sheddable")]
    async fn sheddable(&self) -> &'static str {
        self.answer("sheddable")
    }

    #[get("/plain")]
    async fn plain(&self) -> &'static str {
        self.answer("plain")
    }

    #[get("/critical", priority = "critical")]
    async fn critical(&self) -> &'static str {
        self.answer("critical")
    }

    #[get("/late", timeout = "100ms")]
    async fn late(&self) -> &'static str {
        self.hold("late").await
    }

    #[post("/late-change", timeout = "100ms")]
    async fn late_change(&self) -> &'static str {
        self.hold("late_change").await
    }

    #[post("/late-search", timeout = "100ms", cancellable)]
    async fn late_search(&self) -> &'static str {
        self.hold("late_search").await
    }

    #[get("/look")]
    async fn look(&self) -> &'static str {
        self.hold("look").await
    }

    #[post("/change")]
    async fn change(&self) -> &'static str {
        self.hold("change").await
    }

    #[post("/search", cancellable)]
    async fn search_here(&self) -> &'static str {
        self.hold("search_here").await
    }

    #[post("/release", limit = "off")]
    async fn release(&self) {
        self.released.send_replace(true);
    }

    #[get("/runs", limit = "off")]
    async fn runs(&self) -> Json<Runs> {
        Json(self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Parcels for Guarded {
    async fn parcel(&self, id: u32) -> Result<u32> {
        self.hold("parcel").await;
        Ok(id)
    }

    async fn send(&self, _: String) -> Result<()> {
        self.answer("send");
        Ok(())
    }

    async fn search(&self) -> Result<()> {
        self.hold("search").await;
        Ok(())
    }
}

fn main() -> ExitCode {
    chassis::run(Guarded { runs: Mutex::default(), released: watch::Sender::new(false) })
}

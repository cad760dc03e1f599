//! Two services of which one calls the other over the network: how a call survives, or does not.

use std::sync::atomic::{AtomicU32, Ordering};

use chassis::prelude::*;
use tokio::sync::Notify;

/// What is called.
#[contract(name = "depot", version = 1)]
pub trait Depot {
    /// May be asked again.
    #[get("/items/{id}")]
    async fn item(&self, id: u32) -> Result<u32>;

    /// May not.
    #[post("/items")]
    async fn add(&self, id: u32) -> Result<u32>;
}

/// Works, fails or hangs as it is told, and counts who comes.
#[derive(Default)]
struct DepotService {
    mode: AtomicU32,
    arrived: AtomicU32,
    changed: Notify,
}

impl DepotService {
    async fn answer(&self, id: u32) -> Result<u32> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        match self.mode.load(Ordering::SeqCst) {
            0 => Ok(id),
            1 => Err(Error::new(ErrorKind::Unavailable, "told to fail")),
            _ => {
                self.changed.notified().await;
                Ok(id)
            }
        }
    }
}

#[service(name = "depot", provides(Depot))]
impl DepotService {
    /// 0 works, 1 fails, 2 hangs.
    #[put("/mode/{mode}")]
    async fn set(&self, Path(mode): Path<u32>) {
        self.mode.store(mode, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// How many calls have come since it was last asked.
    #[get("/arrived")]
    async fn arrived(&self) -> String {
        self.arrived.swap(0, Ordering::SeqCst).to_string()
    }
}

impl Depot for DepotService {
    async fn item(&self, id: u32) -> Result<u32> {
        self.answer(id).await
    }

    async fn add(&self, id: u32) -> Result<u32> {
        self.answer(id).await
    }
}

struct Caller {
    depot: DepotClient,
}

#[service(name = "caller")]
impl Caller {
    #[init]
    async fn new(depot: DepotClient) -> Result<Self> {
        Ok(Self { depot })
    }

    /// What becomes of a call: `ok`, or the kind of its error.
    #[get("/ask/{id}")]
    async fn ask(&self, Path(id): Path<u32>) -> &'static str {
        self.depot.item(id).await.map_or_else(|error| error.kind().as_str(), |_| "ok")
    }

    /// The same with a call that may not be repeated.
    #[get("/add/{id}")]
    async fn add(&self, Path(id): Path<u32>) -> &'static str {
        self.depot.add(id).await.map_or_else(|error| error.kind().as_str(), |_| "ok")
    }
}

fn main() -> ExitCode {
    App::new().service(DepotService::default()).service(Caller::new).run()
}

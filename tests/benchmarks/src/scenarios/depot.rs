//! What is called: a service whose capacity is made by places and a delay, so that it takes no processor time to speak of.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::prelude::*;
use chassis::testing::TestApp;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What others may call.
#[contract(name = "depot", version = 1)]
pub trait Depot {
    /// May be asked again.
    #[get("/items/{id}")]
    async fn item(&self, id: u64) -> Result<u64>;

    /// May not.
    #[post("/items")]
    async fn add(&self, id: u64) -> Result<u64>;
}

/// A call that came.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Instant,
    id: u64,
}

/// How a depot is while it runs, and who came. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Dials(Arc<Inner>);

struct Inner {
    places: Semaphore,
    delay_ms: AtomicU64,
    fails: AtomicBool,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Dials {
    /// So many calls are worked on at once, each for `delay`.
    pub fn new(places: usize, delay: Duration) -> Self {
        let inner = Inner {
            places: Semaphore::new(places),
            delay_ms: AtomicU64::new(0),
            fails: AtomicBool::new(false),
            arrivals: Mutex::default(),
        };
        let dials = Self(Arc::new(inner));
        dials.delay(delay);
        dials
    }

    /// From now on a call takes so long.
    pub fn delay(&self, delay: Duration) {
        self.0.delay_ms.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// From now on every call fails at once, or none.
    pub fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::Relaxed);
    }

    /// Counts one that came.
    pub fn arrived(&self, id: u64) {
        let arrival = Arrival { at: Instant::now(), id };
        self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    }

    /// When calls came, in seconds since `start`, and whether the same had come before.
    pub fn arrivals(&self, start: Instant) -> Vec<(f64, bool)> {
        let mut seen = HashSet::new();
        let arrivals = self.0.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let told =
            |arrival: &Arrival| (arrival.at.saturating_duration_since(start).as_secs_f64(), !seen.insert(arrival.id));
        arrivals.iter().map(told).collect()
    }

    async fn work(&self, id: u64) -> Result<u64> {
        self.arrived(id);
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "told to fail"));
        }
        let _place = self.0.places.acquire().await?;
        tokio::time::sleep(Duration::from_millis(self.0.delay_ms.load(Ordering::Relaxed))).await;
        Ok(id)
    }

    /// An application with a depot that does as these say.
    pub fn app(&self, settings: &str) -> TestApp {
        TestApp::new().service(DepotService(self.clone())).settings(settings)
    }
}

struct DepotService(Dials);

#[service(name = "depot", provides(Depot))]
impl DepotService {}

impl Depot for DepotService {
    async fn item(&self, id: u64) -> Result<u64> {
        self.0.work(id).await
    }

    async fn add(&self, id: u64) -> Result<u64> {
        self.0.work(id).await
    }
}

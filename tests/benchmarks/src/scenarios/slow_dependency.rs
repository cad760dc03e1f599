//! `slow-dependency`: what a dependency that gets slow does to routes that do not need it.

use std::sync::Arc;
use std::time::Duration;

use chassis::prelude::*;
use chassis::testing::TestApp;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::caller::{NO_POLICIES, Users};
use super::depot::{DepotClient, Dials};
use super::figures::{between, failed, over_time, p99};
use super::host::Host;
use super::load::{Sample, Stretch, offer};
use super::plot::{Curve, Plot};
use super::{Measured, Pace};
use crate::report::Row;

/// How many requests of any route the service works on at once.
const POOL: usize = 40;
/// What the route that calls nobody takes.
const PAGE: Duration = Duration::from_millis(50);
const NORMAL: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);

/// When the dependency gets slow, and when it is as before, in seconds.
const BAD: f64 = 8.0;
const GOOD: f64 = 20.0;
const END: f64 = 30.0;

/// A quarter of the pool, so that the dependency never has more of it.
const BULKHEAD: &str = "bulkhead.concurrent = 10\n";
/// The same for the route that calls it, whatever it waits for.
const ROUTE_LIMIT: &str = "[http.routes.order]\nlimit = 10\n";
const NO_LIMIT: &str = "http.limit.enabled = false\n";

struct Shop {
    depot: DepotClient,
    pool: Arc<Semaphore>,
}

#[service(name = "shop")]
impl Shop {
    #[init]
    async fn new(depot: DepotClient) -> Result<Self> {
        Ok(Self { depot, pool: Arc::new(Semaphore::new(POOL)) })
    }

    /// Needs the dependency, and holds a place meanwhile.
    #[get("/order/{id}")]
    async fn order(&self, Path(id): Path<u64>) -> Result<String> {
        let _place = self.pool.acquire().await?;
        Ok(self.depot.item(id).await?.to_string())
    }

    /// Needs nothing but a place.
    #[get("/page/{id}")]
    async fn page(&self, Path(id): Path<u64>) -> Result<String> {
        let _place = self.pool.acquire().await?;
        tokio::time::sleep(PAGE).await;
        Ok(id.to_string())
    }
}

pub async fn run(Pace(pace): Pace) -> Result<Measured, String> {
    // One that gets slow, and one that does not, for comparison.
    let dials: [Dials; 2] = std::array::from_fn(|_| Dials::new(100_000, NORMAL));
    let mut depots = Vec::new();
    for dials in &dials {
        let dials = dials.clone();
        depots.push(Host::start(move || dials.app(NO_LIMIT), "depot").await?);
    }
    let mut shops = Vec::new();
    let settings =
        [("", BULKHEAD, 0), (ROUTE_LIMIT, "", 0), ("", "", 0), (NO_LIMIT, NO_POLICIES, 0), ("", BULKHEAD, 1)];
    for (http, client, depot) in settings {
        let depot = &depots[depot];
        let settings = format!("{http}[clients.depot]\nurl = \"http://{}\"\n{client}", depot.address());
        shops.push(Host::start(move || TestApp::new().service(Shop::new).settings(settings), "shop").await?);
    }

    let start = Instant::now();
    let stretch = |rate| Stretch { from: 0.0, to: END * pace, rate };
    let visit = |shop: &Host| {
        let users = Users::new(format!("http://{}", shop.address()), PATIENCE);
        async move {
            let (orders, pages) = ([stretch(60.0)], [stretch(100.0)]);
            let (_, pages) = tokio::join!(
                offer(start, &orders, |id| users.clone().get(format!("/order/{id}"))),
                offer(start, &pages, |id| users.clone().get(format!("/page/{id}"))),
            );
            // Who is refused is not served sooner than who waits.
            let lost = PATIENCE.as_secs_f64();
            pages
                .into_iter()
                .map(|page| Sample { took: if page.ok { page.took } else { lost }, ..page })
                .collect::<Vec<_>>()
        }
    };
    let happens = async {
        for (at, delay) in [(BAD, SLOW), (GOOD, NORMAL)] {
            tokio::time::sleep_until(start + Duration::from_secs_f64(at * pace)).await;
            dials[0].delay(delay);
        }
    };
    let (bulkhead, limited, defaults, without, normal, ()) =
        tokio::join!(visit(&shops[0]), visit(&shops[1]), visit(&shops[2]), visit(&shops[3]), visit(&shops[4]), happens);
    for host in shops.into_iter().chain(depots) {
        host.kill().await;
    }

    let bad = |samples: &[Sample]| p99(&between(samples, BAD * pace, GOOD * pace));
    let ratio = |samples: &[Sample]| bad(samples) / bad(&normal);
    let said = |samples: &[Sample]| {
        let (bad, normal, lost) = (bad(samples), bad(&normal), failed(samples));
        format!("{bad:.0} ms, {normal:.0} where nothing gets slow; {lost} of {} failed", samples.len())
    };
    let unit = "× normal p99";
    let rows = vec![
        Row::new("slow-dependency", unit, ratio(&bulkhead), ratio(&without))
            .at_most(1.2, ratio(&bulkhead))
            .note(said(&bulkhead)),
        Row::new("slow-dependency-route", unit, ratio(&limited), ratio(&without))
            .at_most(1.2, ratio(&limited))
            .note(said(&limited)),
        Row::new("slow-dependency-defaults", unit, ratio(&defaults), ratio(&without)).note(said(&defaults)),
    ];
    let plot = Plot {
        name: "slow-dependency",
        title: "A dependency gets slow: the route that does not need it",
        axis: "99th percentile, ms (failed: 10 s)",
        logarithmic: true,
        at_least: 1000.0,
        shaded: vec![(BAD * pace..GOOD * pace, "the dependency takes 3 s instead of 20 ms")],
        curves: vec![
            Curve::new("bulkhead of 10", over_time(&bulkhead, pace, p99)),
            Curve::new("no policies", over_time(&without, pace, p99)),
            Curve::new("defaults", over_time(&defaults, pace, p99)),
            Curve::new("route limit of 10", over_time(&limited, pace, p99)),
            Curve::bound("a dependency that stays well", over_time(&normal, pace, p99)),
        ],
    };
    Ok(Measured { rows, plots: vec![plot] })
}

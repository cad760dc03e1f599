//! Several routes that share what they work on. Time is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::response::IntoResponse;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::*;
use crate::config::Config;
use crate::http::HttpSettings;
use crate::http::policies::Sources;

const MS: Duration = Duration::from_millis(1);

/// Routes under one limit.
struct Service {
    shared: AdaptiveLimit,
    adaptive: AdaptiveLimitPolicy,
}

impl Service {
    fn new(initial: u32, min: u32, max: u32) -> Self {
        let toml = format!("[http.limit]\ninitial = {initial}\nmin = {min}\nmax = {max}");
        let settings: HttpSettings = Config::from_toml(&toml).and_then(|config| config.read()).expect("settings");
        let shared = settings.limit.shared().expect("a policy").expect("a limit");
        Self { shared: AdaptiveLimit::new(shared), adaptive: settings.limit.policy().expect("a policy") }
    }

    fn route(&self, priority: Priority) -> Arc<Route> {
        let (settings, config) = (HttpSettings::default(), Config::from_toml("").expect("a configuration"));
        let mut policies = Sources { settings: &settings, config: &config }.plain();
        policies.priority.value = priority;
        let limit = RouteLimit::new(&policies, &self.adaptive, Some(&self.shared)).expect("a limit").expect("a limit");
        Arc::new(Route { limit, answered: AtomicU32::new(0), refused: AtomicU32::new(0) })
    }
}

struct Route {
    limit: RouteLimit,
    answered: AtomicU32,
    refused: AtomicU32,
}

impl Route {
    /// One request, which has to wait for one of the places and holds it for some time.
    fn ask(self: &Arc<Self>, places: &Arc<Semaphore>, work: Duration) {
        let Ok(entered) = self.limit.enter(Instant::now()) else {
            self.refused.fetch_add(1, Relaxed);
            return;
        };
        let (route, places) = (Arc::clone(self), Arc::clone(places));
        tokio::spawn(async move {
            let place = places.acquire().await;
            sleep(work).await;
            drop(place);
            end(Some(entered), Some(&().into_response()));
            route.answered.fetch_add(1, Relaxed);
        });
    }

    /// Which part of its requests was answered since this was last asked.
    fn share(&self) -> f64 {
        let (answered, refused) = (self.answered.swap(0, Relaxed), self.refused.swap(0, Relaxed));
        f64::from(answered) / f64::from((answered + refused).max(1))
    }
}

#[tokio::test(start_paused = true)]
async fn under_load_what_can_wait_makes_room_for_what_cannot() {
    // Twenty at once, 20 ms each: 1,000 a second for both routes. Each of them gets 800.
    let (places, service) = (Arc::new(Semaphore::new(20)), Service::new(100, 5, 1000));
    let (critical, sheddable) = (service.route(Priority::Critical), service.route(Priority::Sheddable));
    for second in 0..40 {
        for _ in 0..100 {
            for _ in 0..if second < 2 { 2 } else { 8 } {
                critical.ask(&places, 20 * MS);
                sheddable.ask(&places, 20 * MS);
            }
            sleep(10 * MS).await;
        }
        if second == 19 {
            // From here on it counts.
            let _ = (critical.share(), sheddable.share());
        }
    }
    let (critical, sheddable) = (critical.share(), sheddable.share());
    let said = format!("{critical} and {sheddable} under {:?}", service.shared);
    assert!(critical >= 0.95, "{said}");
    assert!(800.0 * (critical + sheddable) >= 950.0, "no place is left empty: {said}");
    assert!(service.shared.limit() < 200, "no long queue: {said}");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_takes_longer_than_others_is_no_load() {
    let (places, service) = (Arc::new(Semaphore::new(10_000)), Service::new(100, 5, 1000));
    let (fast, slow) = (service.route(Priority::Sheddable), service.route(Priority::Sheddable));
    for second in 0..30 {
        for turn in 0..100 {
            // First mostly fast ones, then mostly slow ones: 60 at work, of a room of 200 at first.
            fast.ask(&places, 2 * MS);
            if second >= 10 || turn % 10 == 0 {
                slow.ask(&places, 600 * MS);
            }
            sleep(10 * MS).await;
        }
    }
    assert_eq!((fast.refused.load(Relaxed), slow.refused.load(Relaxed)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_route_that_hangs_leaves_room_for_the_others() {
    let (none, places, service) =
        (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1000)), Service::new(50, 5, 1000));
    let (hanging, other) = (service.route(Priority::Critical), service.route(Priority::Sheddable));
    for _ in 0..2000 {
        hanging.ask(&none, MS);
        other.ask(&places, 10 * MS);
        sleep(5 * MS).await;
    }
    assert!(hanging.refused.load(Relaxed) > 1000);
    assert_eq!(other.refused.load(Relaxed), 0);
}

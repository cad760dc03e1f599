//! Circuit breakers whose calls all succeed, unless it is said otherwise.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::resilience::Outcome;
use chassis::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPolicy};
use failsafe::CircuitBreaker as _;
use recloser::Recloser;
use tower::{Layer, service_fn};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer as Peer, SlidingWindowType};

use crate::measure::{Subject, service};

/// A service that answers at once.
pub fn at_once() -> impl tower::Service<u32, Response = u32, Error = Infallible, Future = Ready<Result<u32, Infallible>>>
+ Clone
+ Send
+ 'static {
    service_fn(|request: u32| ready(Ok(request)))
}

/// Moments that lie 10 µs apart, so that the window moves on while it is measured.
struct Moments(Instant);

impl Moments {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn next(&mut self) -> Instant {
        self.0 += Duration::from_micros(10);
        self.0
    }
}

pub fn subjects() -> Vec<Subject> {
    let time = CircuitBreakerPolicy::default();
    let count = CircuitBreakerPolicy::builder().count_window(100).build().expect("a policy");
    let ours = |name, policy: &CircuitBreakerPolicy, open: bool| {
        let breaker = CircuitBreaker::new(policy.clone());
        if open {
            breaker.force_open();
        }
        Subject::new("breaker-state", name, move || {
            let (breaker, mut moments) = (breaker.clone(), Moments::new());
            Box::new(move |calls| {
                for _ in 0..calls {
                    let now = moments.next();
                    if let Ok(permit) = breaker.try_acquire_at(now) {
                        permit.record_at(now, black_box(Outcome::Success));
                    }
                }
            })
        })
    };
    let mut subjects = vec![
        ours("chassis", &time, false),
        ours("chassis, count window", &count, false),
        ours("chassis, open", &time, true),
    ];
    subjects.push(failing());
    subjects.extend(failsafe());
    subjects.extend(reclosers());
    subjects.extend(layers());
    subjects
}

/// Every tenth call fails, so that the rates are taken too.
fn failing() -> Subject {
    let breaker = CircuitBreaker::new(CircuitBreakerPolicy::default());
    Subject::new("breaker-state", "chassis, 10 % fail", move || {
        let (breaker, mut moments) = (breaker.clone(), Moments::new());
        Box::new(move |calls| {
            for call in 0..calls {
                let now = moments.next();
                let outcome = if call % 10 == 0 { Outcome::Failure } else { Outcome::Success };
                if let Ok(permit) = breaker.try_acquire_at(now) {
                    permit.record_at(now, black_box(outcome));
                }
            }
        })
    })
}

fn failsafe() -> [Subject; 2] {
    let default = failsafe::Config::new().build();
    let backoff = failsafe::backoff::constant(Duration::from_secs(5));
    let policy = failsafe::failure_policy::consecutive_failures(5, backoff);
    let consecutive = failsafe::Config::new().failure_policy(policy).build();
    [
        Subject::new("breaker-state", "failsafe, default", move || {
            let breaker = default.clone();
            Box::new(move |calls| {
                for call in 0..calls {
                    let _ = black_box(breaker.call(|| Ok::<_, ()>(call)));
                }
            })
        }),
        Subject::new("breaker-state", "failsafe, consecutive", move || {
            let breaker = consecutive.clone();
            Box::new(move |calls| {
                for call in 0..calls {
                    let _ = black_box(breaker.call(|| Ok::<_, ()>(call)));
                }
            })
        }),
    ]
}

fn reclosers() -> [Subject; 2] {
    let closed = Arc::new(Recloser::custom().closed_len(100).build());
    let open = Arc::new(Recloser::custom().closed_len(1).open_wait(Duration::from_secs(86_400)).build());
    for _ in 0..5 {
        let _ = open.call(|| Err::<(), ()>(()));
    }
    [("recloser", closed), ("recloser, open", open)].map(|(name, breaker)| {
        Subject::new("breaker-state", name, move || {
            let breaker = Arc::clone(&breaker);
            Box::new(move |calls| {
                for call in 0..calls {
                    let _ = black_box(breaker.call(|| Ok::<_, ()>(call)));
                }
            })
        })
    })
}

fn layers() -> Vec<Subject> {
    let breaker = CircuitBreaker::new(CircuitBreakerPolicy::default());
    let ours = CircuitBreakerLayer::new(breaker);
    // A tower-resilience breaker shares its state among the clones of one service.
    let peer = |kind| {
        Peer::builder()
            .sliding_window_type(kind)
            .sliding_window_size(100)
            .sliding_window_duration(Duration::from_secs(10))
            .build()
            .expect("a configuration")
            .layer(at_once())
    };
    let (count, time) = (peer(SlidingWindowType::CountBased), peer(SlidingWindowType::TimeBased));
    vec![
        Subject::new("breaker-layer", "no layer", || service(at_once(), 7u32)),
        Subject::new("breaker-layer", "chassis", move || service(ours.layer(at_once()), 7u32)),
        Subject::new("breaker-layer", "tower-resilience, count window", move || service(count.clone(), 7u32))
            .calls(20_000),
        Subject::new("breaker-layer", "tower-resilience, time window", move || service(time.clone(), 7u32))
            .calls(2_000),
    ]
}

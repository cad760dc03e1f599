//! Limits under which every call passes, or none.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chassis::resilience::bulkhead::{Bulkhead, BulkheadLayer, BulkheadPolicy};
use chassis::resilience::rate_limit::{RateLimit, RateLimitPolicy};
use chassis::resilience::timeout::TimeoutLayer;
use governor::{Quota, RateLimiter};
use tower::Layer;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::breakers::at_once;
use crate::measure::{Subject, service};

pub fn subjects() -> Vec<Subject> {
    let bulkhead = Bulkhead::new(BulkheadPolicy::builder().concurrent(1000).build().expect("a policy"));
    let bulkhead = BulkheadLayer::new(bulkhead);
    let concurrency = GlobalConcurrencyLimitLayer::new(1000);
    let mut subjects = vec![
        Subject::new("bulkhead-layer", "chassis", move || service(bulkhead.layer(at_once()), 7u32)),
        Subject::new("bulkhead-layer", "tower, concurrency limit", move || service(concurrency.layer(at_once()), 7u32)),
        Subject::new("timeout-layer", "chassis", || {
            service(TimeoutLayer::after(Duration::from_secs(1)).layer(at_once()), 7u32)
        }),
        Subject::new("timeout-layer", "tower", || {
            service(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)).layer(at_once()), 7u32)
        }),
    ];
    subjects.extend(rates());
    subjects
}

/// Rates that let all pass, and such that let none.
fn rates() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (row, calls) in [("rate-limit", 1_000_000_000), ("rate-limit-refused", 1)] {
        let policy = if calls == 1 {
            RateLimitPolicy::try_new(1, Duration::from_secs(86_400), 1)
        } else {
            RateLimitPolicy::try_new(calls, Duration::from_secs(1), u32::MAX)
        };
        let ours = RateLimit::new(policy.expect("a policy"));
        subjects.push(Subject::new(row, "chassis", move || {
            let limit = ours.clone();
            Box::new(move |calls| {
                for _ in 0..calls {
                    let _ = black_box(limit.try_acquire());
                }
            })
        }));
        let quota = if calls == 1 {
            Quota::with_period(Duration::from_secs(86_400)).expect("a period")
        } else {
            Quota::per_second(NonZeroU32::new(calls).expect("above zero")).allow_burst(NonZeroU32::MAX)
        };
        let peer = Arc::new(RateLimiter::direct(quota));
        subjects.push(Subject::new(row, "governor", move || {
            let limit = Arc::clone(&peer);
            Box::new(move |calls| {
                for _ in 0..calls {
                    let _ = black_box(limit.check());
                }
            })
        }));
    }
    subjects
}

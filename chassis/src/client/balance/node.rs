//! One instance, and what is known of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Duration;

use super::load::Load;
use super::outlier::Outlier;
use super::ramp;
use crate::discovery::Endpoint;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) endpoint: Endpoint,
    /// When it came, where others were there before it.
    since: Option<Duration>,
    under_way: AtomicU32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) load: Load,
    pub(super) outlier: Outlier,
}

impl Node {
    pub(super) fn new(endpoint: Endpoint, since: Option<Duration>) -> Self {
        Self { endpoint, since, under_way: AtomicU32::new(0), known: Mutex::default() }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        // Plain numbers are right between any two statements.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }

    pub(super) fn is_ejected(&self, now: Duration) -> bool {
        self.known().outlier.is_ejected(now)
    }

    /// What one more call would meet here. `unknown` is the latency of an instance that has not answered yet but has
    /// calls under way, in seconds.
    pub(super) fn cost(&self, slow_start: Duration, unknown: f64, now: Duration) -> f64 {
        let (average, back) = {
            let known = self.known();
            (known.load.average(now), known.outlier.back_since(now))
        };
        let under_way = f64::from(self.under_way());
        let latency = match average {
            Some(average) => average,
            None if under_way > 0.0 => unknown,
            None => 0.0,
        };
        let share = ramp::share(back.max(self.since), slow_start, now) * f64::from(self.endpoint.weight);
        latency * (under_way + 1.0) / share
    }
}

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::policy::AdaptiveLimitPolicy;
use super::state::{Ended, State};
use super::{LimitReached, Priority};
use crate::resilience::Outcome;

/// A limit that follows what is below it. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct AdaptiveLimit(Arc<State>);

impl AdaptiveLimit {
    /// A limit as it is at first.
    pub fn new(policy: AdaptiveLimitPolicy) -> Self {
        Self(Arc::new(State::new(policy, now())))
    }

    /// Lets a call in, if there is room.
    ///
    /// # Errors
    /// When there is none for a call of this priority.
    pub fn try_enter(&self, priority: Priority) -> Result<Entry, LimitReached> {
        self.try_enter_at(priority, now())
    }

    /// The same at a moment that the caller knows.
    ///
    /// # Errors
    /// When there is none for a call of this priority.
    pub fn try_enter_at(&self, priority: Priority, now: Instant) -> Result<Entry, LimitReached> {
        if self.0.try_enter(priority) {
            Ok(Entry { state: Some(Arc::clone(&self.0)), since: now })
        } else {
            Err(LimitReached { retry_after: self.0.retry_after() })
        }
    }

    /// How many calls are let in at the same time.
    pub fn limit(&self) -> u32 {
        self.0.limit()
    }

    /// What a call takes without load, as far as it has been learnt, in seconds: or in the measure that calls are
    /// [recorded](Entry::record_as) with.
    pub fn unloaded(&self) -> Option<f64> {
        self.0.unloaded()
    }

    /// How many calls are in.
    pub fn in_flight(&self) -> u32 {
        self.0.in_flight()
    }
}

impl fmt::Debug for AdaptiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveLimit").field("limit", &self.limit()).field("in_flight", &self.in_flight()).finish()
    }
}

/// A call that was let in. Dropped without a result it says nothing but that it is out.
#[must_use]
pub struct Entry {
    state: Option<Arc<State>>,
    since: Instant,
}

impl Entry {
    /// Says what became of the call. A failure means that there was too little room below.
    pub fn record(mut self, outcome: Outcome) {
        self.leave(|state, took, now| state.leave(took, outcome.into(), now));
    }

    /// The same for calls of several kinds under one limit, which are to be compared by something else than seconds: how
    /// many times as long as without load the call took. `measure` makes that of what it took.
    pub fn record_as(mut self, outcome: Outcome, measure: impl FnOnce(Duration) -> f64) {
        self.leave(|state, took, now| state.leave_measured(took, measure(took), outcome.into(), now));
    }

    fn leave(&mut self, leave: impl FnOnce(&State, Duration, Instant)) {
        if let Some(state) = self.state.take() {
            let now = now();
            leave(&state, now.saturating_duration_since(self.since), now);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave(|state, took, now| state.leave(took, Ended::Ignored, now));
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Answered,
            Outcome::Failure => Self::Overloaded,
            Outcome::Ignored => Self::Ignored,
        }
    }
}

/// The clock that a test may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

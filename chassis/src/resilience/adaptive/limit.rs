use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::policy::AdaptiveLimitPolicy;
use super::state::{Ended, State};
use super::{LimitReached, Priority};
use crate::resilience::Outcome;
use crate::resilience::judged::Leave;

/// A limit that follows what is below it. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct AdaptiveLimit(Arc<State>);

impl AdaptiveLimit {
    /// A limit as it is at first.
    pub fn new(policy: AdaptiveLimitPolicy) -> Self {
        Self(Arc::new(State::new(policy, now())))
    }

    /// A limit for one kind of the calls that share `above`: it has at most half of the room there, critical ones three quarters,
    /// so that what hangs in one leaves room for the others. Priorities matter above, which moves by how many times as long as without load calls take.
    pub fn beneath(above: &Self, policy: AdaptiveLimitPolicy) -> Self {
        Self(Arc::new(State::beneath(Arc::clone(&above.0), policy, now())))
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

    /// How many calls of one kind are let in at the same time where several share it.
    pub fn share(&self, priority: Priority) -> u32 {
        self.0.share(priority)
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
        self.leave(match outcome {
            Outcome::Success => Ended::Answered,
            Outcome::Failure => Ended::Overloaded,
            Outcome::Ignored => Ended::Ignored,
        });
    }

    fn leave(&mut self, ended: Ended) {
        if let Some(state) = self.state.take() {
            let now = now();
            state.leave(now.saturating_duration_since(self.since), ended, now);
        }
    }
}

impl Leave for Entry {
    fn record(self, outcome: Outcome) {
        self.record(outcome);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave(Ended::Ignored);
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

/// The clock that a test may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

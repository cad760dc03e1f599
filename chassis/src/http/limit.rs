//! How many requests of one route are let in at the same time, and which of all routes when there is not room for all.
//!
//! Each route has a limit of its own, so that what hangs in one does not keep the others from being answered. Above them is
//! one for the service, with room for twice as many, of which a route takes at most half: here it matters how much a request
//! matters. Since some routes take longer than others, it compares how many times as long as without load a request took.

use axum::response::Response;
use tokio::time::{Duration, Instant};

use super::guards::Limit;
use super::policies::Policies;
use crate::resilience::adaptive::{AdaptiveLimit, AdaptiveLimitPolicy, Entry, LimitReached, Priority};
use crate::resilience::bulkhead::{Bulkhead, BulkheadPolicy, Place};
use crate::resilience::{InvalidPolicy, Outcome};

/// After how long to come again to a route that has as many as its fixed limit lets in.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// The limit of one route.
pub(crate) struct RouteLimit {
    own: Own,
    /// `None` where no route has an adaptive limit by itself.
    shared: Option<(AdaptiveLimit, Priority)>,
}

enum Own {
    Adaptive(AdaptiveLimit),
    Fixed(Bulkhead),
}

/// A request that was let in.
pub(crate) struct Entered {
    own: OwnEntry,
    /// With what a request of the route takes without load, in seconds, where that is known.
    shared: Option<(Entry, Option<f64>)>,
}

enum OwnEntry {
    Adaptive(Entry),
    Fixed { _place: Place },
}

impl RouteLimit {
    /// The limit of a route; `None` where every request is let in.
    pub(crate) fn new(
        policies: &Policies,
        adaptive: &AdaptiveLimitPolicy,
        shared: Option<&AdaptiveLimit>,
    ) -> Result<Option<Self>, InvalidPolicy> {
        let own = match policies.limit.value {
            Limit::Off => return Ok(None),
            Limit::Adaptive => Own::Adaptive(AdaptiveLimit::new(adaptive.clone())),
            Limit::Fixed(number) => {
                let policy =
                    BulkheadPolicy::builder().concurrent(number as usize).waiting(0, Duration::ZERO).build()?;
                Own::Fixed(Bulkhead::new(policy))
            }
        };
        let shared = shared.map(|shared| (shared.clone(), policies.priority.value));
        Ok(Some(Self { own, shared }))
    }

    /// Lets a request in, if there is room.
    pub(crate) fn enter(&self, at: Instant) -> Result<Entered, LimitReached> {
        let at = at.into_std();
        let (own, in_flight, unloaded) = match &self.own {
            // Requests of one route matter alike: all of its room is open to them.
            Own::Adaptive(limit) => {
                let entry = limit.try_enter_at(Priority::Critical, at)?;
                (OwnEntry::Adaptive(entry), limit.in_flight(), limit.unloaded())
            }
            Own::Fixed(places) => {
                let place = places.try_acquire().map_err(|_| LimitReached { retry_after: COME_AGAIN })?;
                (OwnEntry::Fixed { _place: place }, u32::try_from(places.active()).unwrap_or(u32::MAX), None)
            }
        };
        let shared = match &self.shared {
            None => None,
            // The others' half.
            Some((shared, _)) if in_flight > shared.limit().div_ceil(2) => {
                return Err(LimitReached { retry_after: COME_AGAIN });
            }
            Some((shared, priority)) => Some((shared.try_enter_at(*priority, at)?, unloaded)),
        };
        Ok(Entered { own, shared })
    }
}

/// Says what became of a request that was let in; `None` when its time was over.
pub(crate) fn end(entered: Option<Entered>, response: Option<&Response>) {
    let Some(Entered { own, shared }) = entered else { return };
    let outcome = match response {
        // To fail fast is not to be without load.
        Some(response) if response.status().is_server_error() => Outcome::Ignored,
        Some(_) => Outcome::Success,
        None => Outcome::Failure,
    };
    if let (Some((entry, Some(unloaded))), Outcome::Success) = (shared, outcome) {
        // A route that hangs says nothing of the others; of how the others are they tell by themselves.
        entry.record_as(outcome, |took| took.as_secs_f64() / unloaded);
    }
    if let OwnEntry::Adaptive(entry) = own {
        entry.record(outcome);
    }
}

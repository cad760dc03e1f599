//! How many requests of one route are let in at the same time, and which of all routes when there is not room for all.
//!
//! Each route has a limit of its own, so that what hangs in one does not keep the others from being answered. They stand beneath
//! one for the service, with room for twice as many, of which a route takes at most half, or three quarters if it is
//! critical: there it matters how much a request matters.

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
pub(crate) enum RouteLimit {
    /// It follows how long requests take.
    Adaptive(AdaptiveLimit, Priority),
    /// It does not; the service's, if there is one, does.
    Fixed(Bulkhead, Option<AdaptiveLimit>, Priority),
}

/// A request that was let in, until this is dropped.
pub(crate) enum Entered {
    /// What it took is looked at.
    Timed(Entry),
    /// It is counted, and no more.
    Counted { _place: Place, _entry: Option<Entry> },
}

impl RouteLimit {
    /// The limit of a route; `None` where every request is let in. `shared` is that of all routes of the service.
    pub(crate) fn new(
        policies: &Policies,
        adaptive: &AdaptiveLimitPolicy,
        shared: Option<&AdaptiveLimit>,
    ) -> Result<Option<Self>, InvalidPolicy> {
        let priority = policies.priority.value;
        Ok(match (policies.limit.value, shared) {
            (Limit::Off, _) => None,
            (Limit::Adaptive, None) => Some(Self::Adaptive(AdaptiveLimit::new(adaptive.clone()), Priority::Critical)),
            (Limit::Adaptive, Some(shared)) => {
                Some(Self::Adaptive(AdaptiveLimit::beneath(shared, adaptive.clone()), priority))
            }
            (Limit::Fixed(number), shared) => {
                let policy =
                    BulkheadPolicy::builder().concurrent(number as usize).waiting(0, Duration::ZERO).build()?;
                Some(Self::Fixed(Bulkhead::new(policy), shared.cloned(), priority))
            }
        })
    }

    /// Lets a request in, if there is room.
    pub(crate) fn enter(&self, at: Instant) -> Result<Entered, LimitReached> {
        let at = at.into_std();
        match self {
            Self::Adaptive(limit, priority) => limit.try_enter_at(*priority, at).map(Entered::Timed),
            Self::Fixed(places, shared, priority) => {
                let full = LimitReached { retry_after: COME_AGAIN };
                let place = places.try_acquire().map_err(|_| full)?;
                let entry = match shared {
                    Some(shared) if places.active() > shared.share(*priority) as usize => return Err(full),
                    Some(shared) => Some(shared.try_enter_at(*priority, at)?),
                    None => None,
                };
                Ok(Entered::Counted { _place: place, _entry: entry })
            }
        }
    }
}

/// Says what became of a request that was let in; `None` when its time was over.
pub(crate) fn end(entered: Option<Entered>, response: Option<&Response>) {
    let Some(Entered::Timed(entry)) = entered else { return };
    entry.record(match response {
        // To fail fast is not to be without load.
        Some(response) if response.status().is_server_error() => Outcome::Ignored,
        Some(_) => Outcome::Success,
        None => Outcome::Failure,
    });
}

#[cfg(test)]
mod tests;

//! Everything that guards a call, in the order in which a call meets it: total deadline → retry → breaker → bulkhead →
//! attempt time-out → balancer → connection.
//!
//! This is the one place where a guard is added. The policies are those of `resilience`; their layers stay out of the way
//! here, as each would copy what it guards and have a future of its own (decision 36).

use std::sync::Arc;

use http::Response;
use tokio::time::{Instant, sleep, timeout_at};

use super::answered::Answered;
use super::attempt::Attempts;
use super::call::Call;
use super::instruments::Instruments;
use super::rules::{health, is_replayable, verdict};
use super::settings::{ClientSettings, Policies};
use crate::resilience::bulkhead::{Bulkhead, BulkheadFull};
use crate::resilience::circuit_breaker::{CircuitBreaker, CircuitOpen};
use crate::resilience::retry::{Budget, RetryPolicy, Verdict};
use crate::{Error, ErrorKind, Result};

/// The guards of one service, which all calls of it share.
pub(super) struct Guards {
    retry: RetryPolicy,
    budget: Budget,
    /// Up to which size a body is kept for another attempt.
    body_limit: usize,
    breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    attempts: Attempts,
    instruments: Instruments,
}

/// What became of one attempt; `None` when the time of the call was over before it ended.
pub(super) type Attempted = Option<Result<Response<Answered>>>;

impl Guards {
    pub(super) fn new(
        settings: &ClientSettings,
        policies: &Policies,
        breaker: CircuitBreaker,
        attempts: Attempts,
        instruments: Instruments,
    ) -> Self {
        Self {
            retry: policies.retry.clone(),
            budget: Budget::new(policies.retry.budget()),
            body_limit: settings.retry.body_limit,
            breaker,
            bulkhead: Bulkhead::new(policies.bulkhead),
            attempts,
            instruments,
        }
    }

    /// Makes a call.
    pub(super) async fn make(&self, call: &Call) -> Result<Response<Answered>> {
        let mut now = call.started;
        self.budget.deposit_at(now);
        let replayable = self.retry.attempts() > 1 && is_replayable(call, self.body_limit);
        let (mut attempts, mut tried) = (0, Vec::new());
        loop {
            let Some(result) = self.through_breaker(call, attempts, now, &mut tried).await else {
                return Err(Error::new(ErrorKind::DeadlineExceeded, "the call's time is over"));
            };
            attempts += 1;
            if !replayable {
                return result;
            }
            let Verdict::Retry { after } = verdict(call, result.as_ref()) else { return result };
            match self.retry.pause(attempts, after, Some(call.deadline), &self.budget) {
                Ok(pause) => {
                    self.instruments.retrying();
                    drop(result);
                    // It ends before the deadline, or there would be none.
                    sleep(pause).await;
                    now = Instant::now();
                }
                Err(why) => {
                    self.instruments.given_up(why);
                    return result;
                }
            }
        }
    }

    /// One attempt, unless the breaker refuses it. Whoever gives it up takes it back from the breaker, and so does the end
    /// of the call's time: both say nothing of the other side.
    async fn through_breaker(&self, call: &Call, before: u32, now: Instant, tried: &mut Vec<Arc<str>>) -> Attempted {
        let permit = match self.breaker.try_acquire_at(now.into_std()) {
            Ok(permit) => permit,
            Err(open) => return Some(Err(self.refused(open))),
        };
        let result = self.through_bulkhead(call, before, now, tried).await?;
        permit.record(health(result.as_ref()));
        Some(result)
    }

    /// One attempt, when there is a place for it.
    async fn through_bulkhead(&self, call: &Call, before: u32, now: Instant, tried: &mut Vec<Arc<str>>) -> Attempted {
        let (place, now) = match self.bulkhead.try_acquire() {
            Ok(place) => (place, now),
            Err(_) => match timeout_at(call.deadline, self.bulkhead.acquire()).await {
                Ok(Ok(place)) => (place, Instant::now()),
                Ok(Err(full)) => return Some(Err(self.crowded(full))),
                Err(_) => return None,
            },
        };
        let mut attempted = self.attempts.make(call, before, now, tried).await;
        // An answer that streams is under way to its end.
        if let Some(Ok(response)) = &mut attempted
            && let Answered::Stream(download) = response.body_mut()
        {
            download.keep(place);
        }
        attempted
    }

    #[cold]
    fn refused(&self, open: CircuitOpen) -> Error {
        self.instruments.refused();
        Error::new(ErrorKind::CircuitOpen, "not called, as it failed too often").with_source(open)
    }

    #[cold]
    fn crowded(&self, full: BulkheadFull) -> Error {
        self.instruments.crowded();
        Error::new(ErrorKind::Overloaded, "not called, as too many calls of it are under way").with_source(full)
    }
}

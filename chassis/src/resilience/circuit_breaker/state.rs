//! Every decision of a circuit breaker. Time is passed in.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::error::CircuitOpen;
use super::event::{Cause, Counts, Status, Transition};
use super::policy::{CircuitBreakerPolicy, WindowKind};
use crate::resilience::Outcome;
use crate::resilience::stripe::Apart;
use crate::resilience::window::{BUCKETS, Window};
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::{Mutex, MutexGuard};

/// What the gate's lowest two bits say; the others hold what belongs to it.
const TAG: u64 = 3;
/// With the generation: a number that is another after each change.
const CLOSED: u64 = 0;
/// With the moment until which it is open, in nanoseconds since `origin`.
const OPEN: u64 = 1;
/// With the generation.
const HALF_OPEN: u64 = 2;
/// By an operator: `FORCED_OPEN` or `DISABLED`.
const PINNED: u64 = 3;
const FORCED_OPEN: u64 = PINNED;
const DISABLED: u64 = 1 << 2 | PINNED;

const CALLS: usize = 0;
const FAILURES: usize = 1;
const SLOW: usize = 2;

/// The state machine.
///
/// As long as it is closed, a call costs a look at the gate and one count. Whatever changes the gate happens under the lock,
/// which is taken for changes and for probes only. The gate is all that counts are ordered by: a call that passed an earlier
/// gate than the one that stands when it ends is not counted. A count that races with a change may be lost or be one too
/// many, which moves no rate by more than the calls of that moment.
#[derive(Debug)]
pub(super) struct State {
    /// Everybody reads it, and it is written when the circuit changes.
    gate: Apart<AtomicU64>,
    policy: CircuitBreakerPolicy,
    /// Nanoseconds, or calls, in one bucket of the window.
    bucket: u64,
    origin: Instant,
    window: Window<3>,
    /// How many calls were counted, for a window of calls.
    sequence: Apart<AtomicU64>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    generation: u64,
    /// How often it has opened without having closed between.
    trips: u32,
    probes: Probes,
}

#[derive(Debug, Default)]
struct Probes {
    /// Let through and not given back.
    issued: u32,
    done: u32,
    failures: u32,
    slow: u32,
    /// When a probe was last let through or answered.
    last: Option<Instant>,
}

/// What lets a call pass. It is to be given back by [`State::record`] or [`State::abandon`].
#[derive(Debug)]
pub(super) struct Permit {
    gate: u64,
    started: Instant,
}

/// A call that was counted as a success and goes on.
#[derive(Debug)]
pub(super) struct Counted {
    gate: u64,
    /// Where in the window it is counted; of a probe, nothing.
    tick: u64,
}

/// Whether a call may pass, and how the circuit changed by the question.
#[derive(Debug)]
pub(super) struct Acquired {
    pub(super) permit: Result<Permit, CircuitOpen>,
    pub(super) transition: Option<Transition>,
}

impl State {
    pub(super) fn new(policy: CircuitBreakerPolicy, now: Instant) -> Self {
        let bucket = match policy.0.window {
            WindowKind::Time(window) => u64::try_from(window.as_nanos()).unwrap_or(u64::MAX) / BUCKETS,
            WindowKind::Count(calls) => u64::from(calls).div_ceil(BUCKETS),
        };
        Self {
            gate: Apart(AtomicU64::new(CLOSED)),
            policy,
            bucket: bucket.max(1),
            origin: now,
            window: Window::default(),
            sequence: Apart(AtomicU64::new(0)),
            changes: Mutex::default(),
        }
    }

    /// Asks whether a call may pass.
    #[inline]
    pub(super) fn try_acquire(&self, now: Instant) -> Acquired {
        let gate = self.gate();
        let permit = match gate & TAG {
            CLOSED => Ok(Permit { gate, started: now }),
            OPEN => match self.until_open(gate, now) {
                Some(left) => Err(CircuitOpen { retry_after: Some(left) }),
                None => return self.acquire_probe(now),
            },
            PINNED if gate == DISABLED => Ok(Permit { gate, started: now }),
            PINNED => Err(CircuitOpen { retry_after: None }),
            _ => return self.acquire_probe(now),
        };
        Acquired { permit, transition: None }
    }

    /// The way of all calls while it is half-open, and of the first one after the open time.
    #[cold]
    fn acquire_probe(&self, now: Instant) -> Acquired {
        let mut changes = self.changes();
        let mut gate = self.gate();
        let mut transition = None;
        if gate & TAG == OPEN && self.until_open(gate, now).is_none() {
            gate = self.change(&mut changes, HALF_OPEN);
            changes.probes = Probes::default();
            transition = Some(Transition { from: Status::Open, to: Status::HalfOpen, cause: Cause::TimeIsOver });
        }
        if gate & TAG != HALF_OPEN {
            drop(changes);
            // It was changed meanwhile; whatever it is now needs no lock.
            let permit = match gate & TAG {
                CLOSED => Ok(Permit { gate, started: now }),
                _ if gate == DISABLED => Ok(Permit { gate, started: now }),
                _ => Err(CircuitOpen { retry_after: self.until_open(gate, now) }),
            };
            return Acquired { permit, transition };
        }
        let probes = &mut changes.probes;
        if probes.issued < self.policy.0.probes {
            probes.issued += 1;
            probes.last = Some(now);
            return Acquired { permit: Ok(Permit { gate, started: now }), transition };
        }
        let waited = probes.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let left = self.policy.0.probe_wait.saturating_sub(waited);
        if left.is_zero() {
            let opened = self.open(&mut changes, now);
            transition = Some(Transition { from: Status::HalfOpen, to: Status::Open, cause: Cause::ProbesUnanswered });
            return Acquired { permit: Err(CircuitOpen { retry_after: Some(opened) }), transition };
        }
        Acquired { permit: Err(CircuitOpen { retry_after: Some(left.min(self.policy.0.open_for)) }), transition }
    }

    /// Takes the result of a call.
    #[inline]
    pub(super) fn record(&self, permit: &Permit, now: Instant, outcome: Outcome) -> Option<Transition> {
        if self.gate() != permit.gate {
            return None;
        }
        let slow = now.saturating_duration_since(permit.started) >= self.policy.0.slow_after;
        match permit.gate & TAG {
            CLOSED => match outcome {
                Outcome::Ignored => None,
                Outcome::Success => self.count(permit.gate, now, self.next_tick(now), false, slow),
                Outcome::Failure => self.count(permit.gate, now, self.next_tick(now), true, slow),
            },
            HALF_OPEN => self.take_probe(permit.gate, now, outcome, slow),
            _ => None,
        }
    }

    /// Takes the success that a call is until now, which [`State::break_off`] can still turn into a failure.
    pub(super) fn record_so_far(&self, permit: &Permit, now: Instant) -> (Counted, Option<Transition>) {
        let counted = |tick| Counted { gate: permit.gate, tick };
        if permit.gate & TAG != CLOSED || self.gate() != permit.gate {
            return (counted(0), self.record(permit, now, Outcome::Success));
        }
        let slow = now.saturating_duration_since(permit.started) >= self.policy.0.slow_after;
        let tick = self.next_tick(now);
        (counted(tick), self.count(permit.gate, now, tick, false, slow))
    }

    /// Has a call that was counted as a success be a failure. It is one call all the same.
    pub(super) fn break_off(&self, counted: &Counted, now: Instant) -> Option<Transition> {
        let gate = counted.gate;
        if self.gate() != gate {
            return None;
        }
        match gate & TAG {
            CLOSED => {}
            HALF_OPEN => return self.fail_probe(gate, now),
            _ => return None,
        }
        let tick = self.last_tick(now);
        if tick.saturating_sub(counted.tick) >= BUCKETS {
            // The window has forgotten the success.
            return self.count(gate, now, self.next_tick(now), true, false);
        }
        // Beside its call, so that both leave the window together.
        self.window.add(counted.tick, FAILURES);
        self.judge(gate, now, tick)
    }

    /// Takes back the permit of a call that was given up: it says nothing, unless it was slow already.
    pub(super) fn abandon(&self, permit: &Permit, now: Instant) -> Option<Transition> {
        let slow = now.saturating_duration_since(permit.started) >= self.policy.0.slow_after;
        self.record(permit, now, if slow { Outcome::Success } else { Outcome::Ignored })
    }

    /// Where in the window the next call is counted.
    #[inline]
    fn next_tick(&self, now: Instant) -> u64 {
        match self.policy.0.window {
            WindowKind::Time(_) => self.nanos(now) / self.bucket,
            WindowKind::Count(_) => self.sequence.0.fetch_add(1, Ordering::Relaxed) / self.bucket,
        }
    }

    /// Where the window ends.
    fn last_tick(&self, now: Instant) -> u64 {
        match self.policy.0.window {
            WindowKind::Time(_) => self.nanos(now) / self.bucket,
            WindowKind::Count(_) => self.sequence.0.load(Ordering::Relaxed).saturating_sub(1) / self.bucket,
        }
    }

    #[inline]
    fn count(&self, gate: u64, now: Instant, tick: u64, failed: bool, slow: bool) -> Option<Transition> {
        self.window.add(tick, CALLS);
        // A good call never opens the circuit: there is nothing to sum up.
        if failed || slow { self.count_bad(gate, now, tick, failed, slow) } else { None }
    }

    fn count_bad(&self, gate: u64, now: Instant, tick: u64, failed: bool, slow: bool) -> Option<Transition> {
        if failed {
            self.window.add(tick, FAILURES);
        }
        if slow {
            self.window.add(tick, SLOW);
        }
        self.judge(gate, now, tick)
    }

    /// Opens the circuit if what was counted up to `tick` is too bad.
    fn judge(&self, gate: u64, now: Instant, tick: u64) -> Option<Transition> {
        // Of calls that fail at the same time each has counted before it sums up, as everybody sees it: the last of them sees all,
        // and opens the circuit if they are enough.
        fence(Ordering::SeqCst);
        let sums = self.window.sums(tick);
        if sums[CALLS] < u64::from(self.policy.0.min_calls) {
            return None;
        }
        let reaches = |bad: u64, rate: f64| bad as f64 >= rate * sums[CALLS] as f64;
        let cause = if reaches(sums[FAILURES], self.policy.0.failure_rate) {
            Cause::Failures
        } else if reaches(sums[SLOW], self.policy.0.slow_rate) {
            Cause::SlowCalls
        } else {
            return None;
        };
        let mut changes = self.changes();
        if self.gate() != gate {
            return None;
        }
        self.open(&mut changes, now);
        Some(Transition { from: Status::Closed, to: Status::Open, cause })
    }

    #[cold]
    fn take_probe(&self, gate: u64, now: Instant, outcome: Outcome, slow: bool) -> Option<Transition> {
        let mut changes = self.changes();
        if self.gate() != gate {
            return None;
        }
        let probes = &mut changes.probes;
        probes.last = Some(now);
        if outcome == Outcome::Ignored {
            probes.issued = probes.issued.saturating_sub(1);
            return None;
        }
        probes.done += 1;
        probes.failures += u32::from(outcome == Outcome::Failure);
        probes.slow += u32::from(slow);
        if let Some(opened) = self.judge_probes(&mut changes, now) {
            return Some(opened);
        }
        if changes.probes.done < self.policy.0.probes {
            return None;
        }
        self.close(&mut changes);
        Some(Transition { from: Status::HalfOpen, to: Status::Closed, cause: Cause::ProbesPassed })
    }

    /// Has a probe that was answered be one that failed.
    #[cold]
    fn fail_probe(&self, gate: u64, now: Instant) -> Option<Transition> {
        let mut changes = self.changes();
        if self.gate() != gate {
            return None;
        }
        changes.probes.failures += 1;
        self.judge_probes(&mut changes, now)
    }

    /// Opens the circuit again as soon as it is certain that the probes fail; the others are not waited for.
    fn judge_probes(&self, changes: &mut Changes, now: Instant) -> Option<Transition> {
        let (policy, probes) = (&self.policy.0, &changes.probes);
        let reaches = |bad: u32, rate: f64| bad > 0 && f64::from(bad) >= rate * f64::from(policy.probes);
        if !reaches(probes.failures, policy.failure_rate) && !reaches(probes.slow, policy.slow_rate) {
            return None;
        }
        self.open(changes, now);
        Some(Transition { from: Status::HalfOpen, to: Status::Open, cause: Cause::ProbesFailed })
    }

    /// Refuses every call from now on.
    pub(super) fn force_open(&self) -> Option<Transition> {
        self.pin(FORCED_OPEN)
    }

    /// Lets every call pass from now on.
    pub(super) fn disable(&self) -> Option<Transition> {
        self.pin(DISABLED)
    }

    /// Closes it, whatever it was, and forgets what was counted.
    pub(super) fn reset(&self) -> Option<Transition> {
        let mut changes = self.changes();
        let from = status(self.gate());
        self.close(&mut changes);
        (from != Status::Closed).then_some(Transition { from, to: Status::Closed, cause: Cause::Operator })
    }

    pub(super) fn status(&self) -> Status {
        status(self.gate())
    }

    pub(super) fn counts(&self, now: Instant) -> Counts {
        let [calls, failures, slow] = self.window.sums(self.last_tick(now));
        Counts { calls, failures, slow }
    }

    pub(super) fn policy(&self) -> &CircuitBreakerPolicy {
        &self.policy
    }

    fn pin(&self, gate: u64) -> Option<Transition> {
        let _changes = self.changes();
        let from = status(self.gate.0.swap(gate, Ordering::AcqRel));
        let to = status(gate);
        (from != to).then_some(Transition { from, to, cause: Cause::Operator })
    }

    /// Opens it; gives for how long.
    fn open(&self, changes: &mut Changes, now: Instant) -> Duration {
        changes.trips = changes.trips.saturating_add(1);
        let time = self.policy.open_time(changes.trips);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let until = self.nanos(now).saturating_add(nanos).min(u64::MAX >> 2);
        self.gate.0.store(until << 2 | OPEN, Ordering::Release);
        time
    }

    fn close(&self, changes: &mut Changes) {
        changes.trips = 0;
        self.window.clear();
        self.change(changes, CLOSED);
    }

    /// Sets a gate of a new generation.
    fn change(&self, changes: &mut Changes, tag: u64) -> u64 {
        changes.generation += 1;
        let gate = changes.generation << 2 | tag;
        self.gate.0.store(gate, Ordering::Release);
        gate
    }

    /// How long an open gate stays so, unless its time is over.
    fn until_open(&self, gate: u64, now: Instant) -> Option<Duration> {
        let left = (gate >> 2).saturating_sub(self.nanos(now));
        (gate & TAG == OPEN && left > 0).then(|| Duration::from_nanos(left))
    }

    #[inline]
    fn gate(&self) -> u64 {
        self.gate.0.load(Ordering::Acquire)
    }

    #[inline]
    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin);
        since.as_secs().wrapping_mul(1_000_000_000).wrapping_add(u64::from(since.subsec_nanos()))
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status(gate: u64) -> Status {
    match gate & TAG {
        CLOSED => Status::Closed,
        OPEN => Status::Open,
        HALF_OPEN => Status::HalfOpen,
        _ if gate == DISABLED => Status::Disabled,
        _ => Status::ForcedOpen,
    }
}

//! How many calls are let in, from how long they take. Time is passed in.
//!
//! The idea is that of TCP's congestion control by delay (Vegas, <https://doi.org/10.1109/49.464716>), as
//! <https://netflixtechblog.medium.com/performance-under-load-3e6fa9a60581> has it for services: what calls take without load
//! is compared with what they take now. Where that is more than the tolerance, calls wait for each other, and fewer are let in.
//!
//! Work that has become longer looks the same at first. So, as long as calls seem to wait, half as many are let in for the time
//! of one window every now and then: calls that take as long as before do not wait for each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use super::Priority;
use super::policy::AdaptiveLimitPolicy;

/// A window with fewer calls than this goes on.
const SAMPLES: u32 = 10;
/// How much of a new limit is taken over at once.
const SMOOTHING: f64 = 0.2;
/// How much of what a call takes without load is learnt at once, where it becomes more.
const LEARNING: f64 = 0.05;
/// After how many windows in which calls seem to wait it is looked whether they do.
const DOUBT: u32 = 50;
/// Calls that take this part of what they took with twice as many beside them do not wait for each other.
const ALIKE: f64 = 0.9;

#[derive(Debug)]
pub(super) struct State {
    policy: AdaptiveLimitPolicy,
    in_flight: AtomicU32,
    limit: AtomicU32,
    /// What a call takes without load, as the bits of a number that is zero until it is known.
    unloaded: AtomicU64,
    /// Of the calls that end while another one is being looked at, some are not: the mean hardly changes by that.
    sample: Mutex<Sample>,
}

#[derive(Debug)]
struct Sample {
    limit: f64,
    /// What a call takes without load, in seconds unless calls are measured otherwise.
    unloaded: Option<f64>,
    since: Instant,
    calls: u32,
    seconds: f64,
    /// The most that were in flight.
    peak: u32,
    overloaded: bool,
    /// For how many windows calls have seemed to wait.
    doubts: u32,
    /// While half as many are let in: what calls took before, in seconds.
    halved: Option<f64>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It took what it took.
    Answered,
    /// It failed for want of room below.
    Overloaded,
    /// It says nothing.
    Ignored,
}

impl State {
    pub(super) fn new(policy: AdaptiveLimitPolicy, now: Instant) -> Self {
        let initial = policy.0.initial;
        let sample = Sample {
            limit: f64::from(initial),
            unloaded: None,
            since: now,
            calls: 0,
            seconds: 0.0,
            peak: 0,
            overloaded: false,
            doubts: 0,
            halved: None,
        };
        let (in_flight, limit, unloaded) = (AtomicU32::new(0), AtomicU32::new(initial), AtomicU64::new(0));
        Self { policy, in_flight, limit, unloaded, sample: Mutex::new(sample) }
    }

    /// Lets a call in, if there is room for one of its priority.
    pub(super) fn try_enter(&self, priority: Priority) -> bool {
        let room = priority.share_of(self.limit());
        self.in_flight.fetch_update(Relaxed, Relaxed, |now| (now < room).then_some(now + 1)).is_ok()
    }

    /// Takes the end of a call that was let in.
    pub(super) fn leave(&self, took: Duration, ended: Ended, now: Instant) {
        self.leave_measured(took, took.as_secs_f64(), ended, now);
    }

    /// The same with a measure of its own for what the call took, such as a multiple of what such calls take.
    pub(super) fn leave_measured(&self, took: Duration, measure: f64, ended: Ended, now: Instant) {
        let in_flight = self.in_flight.fetch_sub(1, Relaxed);
        if ended == Ended::Ignored {
            return;
        }
        let mut sample = match self.sample.try_lock() {
            Ok(sample) => sample,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        sample.peak = sample.peak.max(in_flight);
        if ended == Ended::Overloaded {
            sample.overloaded = true;
        } else if sample.halved.is_none() || took <= now.saturating_duration_since(sample.since) {
            // What began among twice as many says nothing of half of them.
            sample.calls += 1;
            sample.seconds += measure;
        }
        let full = sample.calls >= SAMPLES || sample.overloaded;
        if full && now.saturating_duration_since(sample.since) >= self.policy.0.window {
            sample.end(&self.policy, now);
            self.limit.store(sample.let_in(), Relaxed);
            self.unloaded.store(sample.unloaded.unwrap_or_default().to_bits(), Relaxed);
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
    }

    /// What a call takes without load, in seconds or in the measure of its own; `None` until it is known.
    pub(super) fn unloaded(&self) -> Option<f64> {
        let unloaded = f64::from_bits(self.unloaded.load(Relaxed));
        (unloaded > 0.0).then_some(unloaded)
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn retry_after(&self) -> Duration {
        self.policy.0.retry_after
    }
}

impl Sample {
    /// Ends a window: sets the limit anew and begins the next one.
    fn end(&mut self, policy: &AdaptiveLimitPolicy, now: Instant) {
        let (min, max) = (f64::from(policy.0.min), f64::from(policy.0.max));
        let mean = (self.calls > 0).then(|| self.seconds / f64::from(self.calls));
        let loaded = f64::from(self.peak) >= self.limit / 2.0;
        match (self.halved.take(), mean) {
            (Some(before), Some(mean)) => self.compare(before, mean),
            (None, Some(mean)) => {
                let unloaded = self.learn(mean, loaded);
                // A limit that is not reached says nothing: it neither grows nor shrinks.
                if loaded && !self.overloaded {
                    let gradient = (policy.0.tolerance * unloaded / mean.max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
                    let wanted = self.limit * gradient + self.limit.sqrt();
                    self.limit = (self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING).clamp(min, max);
                    self.doubt(mean, gradient < 1.0);
                }
            }
            (_, None) => {}
        }
        if self.overloaded && loaded {
            self.limit = (self.limit * 0.9).clamp(min, max);
        }
        *self = Self { since: now, calls: 0, seconds: 0.0, peak: 0, overloaded: false, ..*self };
    }

    /// What calls take without load. Under load it can only become less, or what they take for waiting would be learnt as
    /// normal.
    fn learn(&mut self, mean: f64, loaded: bool) -> f64 {
        let learnt = match self.unloaded {
            None => mean,
            Some(unloaded) if mean < unloaded => mean,
            Some(unloaded) if loaded => unloaded,
            Some(unloaded) => unloaded + (mean - unloaded) * LEARNING,
        };
        self.unloaded = Some(learnt);
        learnt
    }

    /// Has half as many let in for a window, when calls have seemed to wait for long.
    fn doubt(&mut self, mean: f64, waiting: bool) {
        self.doubts = if waiting { self.doubts + 1 } else { 0 };
        if self.doubts >= DOUBT {
            self.doubts = 0;
            self.halved = Some(mean);
        }
    }

    /// Learns from the window in which half as many were let in.
    fn compare(&mut self, before: f64, mean: f64) {
        let normal = mean >= ALIKE * before || self.unloaded.is_some_and(|unloaded| mean < unloaded);
        if normal {
            self.unloaded = Some(mean);
        }
    }

    /// How many are let in now.
    fn let_in(&self) -> u32 {
        let limit = if self.halved.is_some() { self.limit / 2.0 } else { self.limit };
        (limit as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn policy(initial: u32, min: u32, max: u32) -> AdaptiveLimitPolicy {
        AdaptiveLimitPolicy::builder().limits(initial, min, max).build().expect("a policy")
    }

    /// Something that does `work` on up to `capacity` calls at once, and the slower for each one more; as many come as are let
    /// in.
    fn settle(state: &State, now: &mut Instant, capacity: u32, work: Duration, offered: u32, rounds: u32) {
        for _ in 0..rounds {
            let let_in = (0..offered).take_while(|_| state.try_enter(Priority::Critical)).count() as u32;
            let took = work.mul_f64((f64::from(let_in) / f64::from(capacity)).max(1.0));
            *now += took.max(110 * MS);
            for _ in 0..let_in {
                state.leave(took, Ended::Answered, *now);
            }
        }
    }

    #[test]
    fn it_grows_while_nothing_waits() {
        let (mut now, policy) = (Instant::now(), policy(20, 10, 500));
        let state = State::new(policy, now);
        settle(&state, &mut now, 1000, 20 * MS, 500, 200);
        assert_eq!(state.limit(), 500);
    }

    #[test]
    fn it_finds_what_the_service_can_do() {
        let (mut now, policy) = (Instant::now(), policy(20, 5, 1000));
        let state = State::new(policy, now);
        settle(&state, &mut now, 50, 20 * MS, 10, 20);
        settle(&state, &mut now, 50, 20 * MS, 1000, 500);
        // Twice as long as without load is what is tolerated: twice as many as it can work on.
        assert!((25..=150).contains(&state.limit()), "{}", state.limit());
        settle(&state, &mut now, 50, 20 * MS, 1000, 5000);
        assert!((25..=150).contains(&state.limit()), "it does not take the load for normal: {}", state.limit());
    }

    #[test]
    fn work_that_becomes_longer_is_learnt() {
        let (mut now, policy) = (Instant::now(), policy(100, 10, 200));
        let state = State::new(policy, now);
        settle(&state, &mut now, 1000, 10 * MS, 200, 100);
        settle(&state, &mut now, 1000, 100 * MS, 200, 30);
        assert!(state.limit() < 50, "at first it looks like load: {}", state.limit());
        settle(&state, &mut now, 1000, 100 * MS, 200, 500);
        assert_eq!(state.limit(), 200);
    }

    #[test]
    fn what_is_not_reached_does_not_move() {
        let (mut now, policy) = (Instant::now(), policy(100, 10, 200));
        let state = State::new(policy, now);
        settle(&state, &mut now, 1, 20 * MS, 5, 100);
        assert_eq!(state.limit(), 100);
    }

    #[test]
    fn overload_below_shrinks_it() {
        let (mut now, policy) = (Instant::now(), policy(100, 10, 200));
        let state = State::new(policy, now);
        let overload = |now: &mut Instant, calls: u32| {
            for _ in 0..50 {
                *now += 110 * MS;
                let let_in = (0..calls).take_while(|_| state.try_enter(Priority::Critical)).count();
                (0..let_in).for_each(|_| state.leave(MS, Ended::Overloaded, *now));
            }
        };
        overload(&mut now, 5);
        assert_eq!(state.limit(), 100, "who hardly sends anything is not too much");
        overload(&mut now, 200);
        assert_eq!(state.limit(), 10);
    }

    #[test]
    fn who_matters_less_is_refused_first() {
        let state = State::new(policy(100, 10, 200), Instant::now());
        let enter = |priority| (0..200).take_while(|_| state.try_enter(priority)).count();
        assert_eq!(enter(Priority::Sheddable), 70);
        assert_eq!(enter(Priority::Sheddable), 0);
        assert_eq!(enter(Priority::Default), 20);
        assert_eq!(enter(Priority::Critical), 10);
        assert_eq!(enter(Priority::Critical), 0);
    }

    proptest! {
        #[test]
        fn the_limit_keeps_to_its_bounds_and_every_place_comes_back(
            steps in prop::collection::vec((0u8..4, 0u64..2000), 0..300),
        ) {
            let mut now = Instant::now();
            let state = State::new(policy(8, 4, 16), now);
            let mut inside = 0;
            for (what, ms) in steps {
                now += Duration::from_millis(ms / 4);
                if what == 0 && state.try_enter(Priority::Default) {
                    inside += 1;
                } else if inside > 0 {
                    let ended = [Ended::Answered, Ended::Overloaded, Ended::Ignored][usize::from(what % 3)];
                    state.leave(Duration::from_millis(ms), ended, now);
                    inside -= 1;
                }
                // Half of the lowest limit, for a window.
                prop_assert!((2..=16).contains(&state.limit()));
                prop_assert_eq!(state.in_flight(), inside);
            }
        }
    }
}

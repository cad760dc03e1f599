//! How many calls are let in, from how long they take. Time is passed in.
//!
//! The idea is that of TCP's congestion control by delay (Vegas, <https://doi.org/10.1109/49.464716>), as
//! <https://netflixtechblog.medium.com/performance-under-load-3e6fa9a60581> has it for services: what calls take without load
//! is compared with what they take now. Where that is more than the tolerance, calls wait for each other, and fewer are let in.
//!
//! Work that has become longer looks the same at first. So, as long as calls seem to wait, half as many are let in for the time
//! of one window every now and then: calls that take as long as before do not wait for each other.
//!
//! A limit that is far above what is in flight keeps nobody out, and whoever gives up after a while keeps it from being reached.
//! So, when calls wait, it first comes down to what is in flight.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use super::Priority;
use super::family::{Above, Measure, Signals, Times};
use super::policy::AdaptiveLimitPolicy;

/// A window with fewer calls than this goes on.
const SAMPLES: u32 = 10;
/// How much of a new limit is taken over at once.
const SMOOTHING: f64 = 0.2;
/// Which part of the limit is added to it at least, as long as nothing waits.
const GROWTH: f64 = 0.25;
/// How much of what a call takes without load is learnt at once, where it becomes more.
const LEARNING: f64 = 0.05;
/// After how many windows in which calls seem to wait it is first looked whether they do.
const FIRST_DOUBT: u32 = 10;
/// After how many more it is looked again.
const DOUBT: u32 = 50;
/// Calls that take this part of what they took with twice as many beside them do not wait for each other.
const ALIKE: f64 = 0.9;

#[derive(Debug)]
pub(super) struct State {
    policy: AdaptiveLimitPolicy,
    in_flight: AtomicU32,
    limit: AtomicU32,
    /// Of the calls that end while another one is being looked at, some are not: the mean hardly changes by that.
    sample: Mutex<Sample>,
    /// The shared limit that it stands beneath.
    above: Option<Arc<Self>>,
    /// What those beneath it look at.
    pub(super) signals: Signals,
    /// What a call takes without load, for the shared limit.
    times: Times,
}

#[derive(Debug)]
pub(super) struct Sample {
    limit: f64,
    /// What a call takes without load, in seconds.
    unloaded: Option<f64>,
    since: Instant,
    pub(super) calls: u32,
    /// Of what they took.
    sum: f64,
    /// The same as far as it counts for whether they wait.
    counted: f64,
    /// The most that were in flight.
    peak: u32,
    overloaded: bool,
    /// For how many windows calls have seemed to wait.
    pub(super) doubts: u32,
    /// The limit before they did.
    undoubted: f64,
    /// While half as many are let in: what calls took before, in seconds.
    pub(super) halved: Option<f64>,
    /// The shared limit's probe as it was seen last, and while it lasts what calls took before.
    pub(super) probe: u32,
    pub(super) probed: Option<f64>,
    /// What calls took in the last window.
    pub(super) last: Option<f64>,
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
            sum: 0.0,
            counted: 0.0,
            peak: 0,
            overloaded: false,
            doubts: 0,
            undoubted: f64::from(initial),
            halved: None,
            probe: 0,
            probed: None,
            last: None,
        };
        Self {
            policy,
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(initial),
            sample: Mutex::new(sample),
            above: None,
            signals: Signals::default(),
            times: Times::default(),
        }
    }

    /// One beneath another.
    pub(super) fn beneath(above: Arc<Self>, policy: AdaptiveLimitPolicy, now: Instant) -> Self {
        Self { above: Some(above), ..Self::new(policy, now) }
    }

    /// Lets a call in, if there is room for one of its priority.
    pub(super) fn try_enter(&self, priority: Priority) -> bool {
        let Some(above) = &self.above else { return self.take_place(priority.share_of(self.limit())) };
        // Where all wait, it is said above who is refused.
        let share = above.share(priority);
        let room = if above.signals.waiting() { share } else { share.min(self.limit()) };
        if !self.take_place(room) {
            return false;
        }
        let entered = above.try_enter(priority);
        if !entered {
            self.in_flight.fetch_sub(1, Relaxed);
        }
        entered
    }

    fn take_place(&self, room: u32) -> bool {
        self.in_flight.fetch_update(Relaxed, Relaxed, |now| (now < room).then_some(now + 1)).is_ok()
    }

    /// How much of it one of those beneath may have: what hangs in one leaves room for the others.
    pub(super) fn share(&self, priority: Priority) -> u32 {
        priority.share_of_one(self.limit())
    }

    /// Takes the end of a call that was let in.
    pub(super) fn leave(&self, took: Duration, ended: Ended, now: Instant) {
        if let Some(above) = &self.above {
            match self.times.of(took, &above.policy).filter(|_| ended == Ended::Answered) {
                Some(times) => above.go(took, times, Ended::Answered, now),
                // What fails for want of room below one of them says nothing of the others.
                None => above.go(took, Measure::seconds(took), Ended::Ignored, now),
            }
        }
        self.go(took, Measure::seconds(took), ended, now);
    }

    /// The same with a measure for what the call took.
    fn go(&self, took: Duration, measure: Measure, ended: Ended, now: Instant) {
        let in_flight = self.in_flight.fetch_sub(1, Relaxed);
        if ended == Ended::Ignored {
            return;
        }
        let mut sample = match self.sample.try_lock() {
            Ok(sample) => sample,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let above = self.above.as_ref().map_or_else(Above::default, |above| above.seen());
        sample.follow(above.probe, now);
        sample.peak = sample.peak.max(in_flight);
        if ended == Ended::Overloaded {
            sample.overloaded = true;
        } else if !sample.is_probing() || took <= now.saturating_duration_since(sample.since) {
            // What began among twice as many says nothing of half of them.
            sample.calls += 1;
            sample.sum += measure.took;
            sample.counted += measure.counted;
        }
        let full = sample.calls >= SAMPLES || sample.overloaded;
        // As long as the shared limit looks, it says when the window ends.
        if full && sample.probed.is_none() && now.saturating_duration_since(sample.since) >= self.policy.0.window {
            sample.end(&self.policy, above, now);
            self.limit.store(sample.let_in(), Relaxed);
            self.signals.tell(sample.doubts > 0, sample.halved.is_some());
        }
        self.times.learn(sample.unloaded);
    }

    fn seen(&self) -> Above {
        self.signals.seen(self.in_flight() >= self.limit() / 2)
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit.load(Relaxed)
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
    fn end(&mut self, policy: &AdaptiveLimitPolicy, above: Above, now: Instant) {
        let (min, max) = (f64::from(policy.0.min), f64::from(policy.0.max));
        let mean = self.mean();
        match (self.halved.take(), mean) {
            (Some(before), Some(mean)) => self.compare(before, mean),
            // Where all wait, this one neither moves nor looks whether its own calls do.
            (None, Some(mean)) if above.waiting => self.learn(mean, true),
            (None, Some(mean)) => {
                let gradient = self.gradient(policy, mean);
                if gradient < 1.0 && self.doubts == 0 {
                    self.undoubted = self.limit;
                }
                self.come_down(gradient < 1.0 || self.overloaded, min);
                let loaded = self.is_loaded();
                self.learn(mean, loaded || above.loaded);
                // A limit that is not reached says nothing: it neither grows nor shrinks.
                if loaded && !self.overloaded {
                    // Where nothing waits, what was taken away for a passing reason comes back soon.
                    let room =
                        if gradient < 1.0 { self.limit.sqrt() } else { self.limit.sqrt().max(self.limit * GROWTH) };
                    let wanted = self.limit * gradient + room;
                    self.limit = (self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING).clamp(min, max);
                    self.doubt(mean, gradient < 1.0);
                }
            }
            (_, None) => self.come_down(self.overloaded, min),
        }
        if self.overloaded && self.is_loaded() {
            self.limit = (self.limit * 0.9).clamp(min, max);
        }
        self.last = mean.or(self.last);
        self.restart(now);
    }

    /// What calls took in this window on average.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.sum / f64::from(self.calls))
    }

    /// Begins a window.
    pub(super) fn restart(&mut self, now: Instant) {
        *self = Self { since: now, calls: 0, sum: 0.0, counted: 0.0, peak: 0, overloaded: false, ..*self };
    }

    /// By which factor fewer calls would not wait: 1 where they do not.
    fn gradient(&self, policy: &AdaptiveLimitPolicy, mean: f64) -> f64 {
        let unloaded = self.unloaded.map_or(mean, |unloaded| unloaded.min(mean));
        let factor = |mean: f64| (policy.0.tolerance * unloaded / mean.max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        if factor(self.counted / f64::from(self.calls.max(1))) < 1.0 { factor(mean) } else { 1.0 }
    }

    /// Whether the limit is what keeps more from coming in, or nearly.
    fn is_loaded(&self) -> bool {
        f64::from(self.peak) >= self.limit / 2.0
    }

    /// Brings the limit down to what is in flight, when that is too much. Fewer than the lowest limit never are.
    fn come_down(&mut self, too_much: bool, min: f64) {
        let peak = f64::from(self.peak);
        if too_much && peak > min {
            self.limit = self.limit.min(peak);
        }
    }

    /// Learns what calls take without load. Under load that can only become less, or what they take for waiting would be
    /// learnt as normal.
    fn learn(&mut self, mean: f64, loaded: bool) {
        self.unloaded = Some(match self.unloaded {
            None => mean,
            Some(unloaded) if mean < unloaded => mean,
            Some(unloaded) if loaded => unloaded,
            Some(unloaded) => unloaded + (mean - unloaded) * LEARNING,
        });
    }

    /// Has half as many let in for a window, when calls have seemed to wait for long.
    fn doubt(&mut self, mean: f64, waiting: bool) {
        self.doubts = if waiting { self.doubts + 1 } else { 0 };
        if self.doubts == FIRST_DOUBT || self.doubts == FIRST_DOUBT + DOUBT {
            self.doubts = FIRST_DOUBT;
            self.halved = Some(mean);
        }
    }

    /// Learns from the window in which half as many were let in. If the work has become longer, it was not for too many calls.
    pub(super) fn compare(&mut self, before: f64, mean: f64) {
        let normal = mean >= ALIKE * before || self.unloaded.is_some_and(|unloaded| mean < unloaded);
        if normal {
            self.unloaded = Some(mean);
            self.limit = self.limit.max(self.undoubted);
            self.doubts = 0;
        }
    }

    /// How many are let in now.
    fn let_in(&self) -> u32 {
        let limit = if self.halved.is_some() { self.limit / 2.0 } else { self.limit };
        (limit as u32).max(1)
    }
}

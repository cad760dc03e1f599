//! Limits beneath a shared one, such as those of a service's routes.
//!
//! Calls of different limits may wait for each other: for a processor, or for the connections of one database. Then to have half
//! as many of one of them shows nothing, and each would take its waiting for work that has become longer. So it is the shared limit
//! that looks, by how many times as long as without load each call took, and that has half as many of all let in at once; those
//! beneath it learn from that moment, and leave it to the shared one to refuse.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::policy::AdaptiveLimitPolicy;
use super::state::Sample;

/// So few calls say something of the moment in which half as many were let in.
const GLIMPSE: u32 = 3;
/// For how many windows in which calls do not seem to wait they may begin to again.
const CALM: u32 = 10;

/// What a shared limit tells those beneath it.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Whether calls seem to wait, or did a moment ago.
    waiting: AtomicBool,
    /// For how many windows they have not.
    calm: AtomicU32,
    /// Odd while half as many are let in.
    probe: AtomicU32,
}

/// What is to be known of the shared limit; nothing, where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Above {
    pub(super) loaded: bool,
    pub(super) waiting: bool,
    pub(super) probe: u32,
}

impl Signals {
    pub(super) fn waiting(&self) -> bool {
        self.waiting.load(Relaxed)
    }

    pub(super) fn seen(&self, loaded: bool) -> Above {
        Above { loaded, waiting: self.waiting(), probe: self.probe.load(Relaxed) }
    }

    /// At the end of a window; one call at a time does so.
    pub(super) fn tell(&self, waiting: bool, halved: bool) {
        let calm = if waiting || halved { 0 } else { self.calm.load(Relaxed).saturating_add(1) };
        self.calm.store(calm, Relaxed);
        let was = self.waiting();
        self.waiting.store(waiting || halved || (was && calm < CALM), Relaxed);
        let probe = self.probe.load(Relaxed);
        if (probe % 2 == 1) != halved {
            self.probe.store(probe.wrapping_add(1), Relaxed);
        }
    }
}

/// What a call took, in seconds or in how many times as long as without load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    pub(super) took: f64,
    /// As far as it counts when it is asked whether calls wait at all: those of one limit, be they half of all, cannot by
    /// themselves make it look so.
    pub(super) counted: f64,
}

impl Measure {
    pub(super) fn seconds(took: Duration) -> Self {
        Self { took: took.as_secs_f64(), counted: took.as_secs_f64() }
    }
}

/// How many times as long as without load calls take.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// What they take without load in seconds, as its bits; zero until it is known.
    unloaded: AtomicU64,
}

impl Times {
    pub(super) fn learn(&self, unloaded: Option<f64>) {
        self.unloaded.store(unloaded.unwrap_or_default().to_bits(), Relaxed);
    }

    /// `None` until it is known what they take without load.
    pub(super) fn of(&self, took: Duration, shared: &AdaptiveLimitPolicy) -> Option<Measure> {
        let unloaded = f64::from_bits(self.unloaded.load(Relaxed));
        let most = 2.0 * shared.0.tolerance - 1.0;
        (unloaded > 0.0).then(|| {
            let times = took.as_secs_f64() / unloaded;
            Measure { took: times, counted: times.min(most) }
        })
    }
}

impl Sample {
    /// Whether half as many are let in, here or above.
    pub(super) fn is_probing(&self) -> bool {
        self.halved.is_some() || self.probed.is_some()
    }

    /// Takes notice of the shared limit's probe: a window of its own for the time that it lasts, and then what is learnt of it.
    pub(super) fn follow(&mut self, probe: u32, now: Instant) {
        if probe == self.probe {
            return;
        }
        self.probe = probe;
        let before = self.probed.take();
        if probe % 2 == 1 {
            (self.probed, self.halved) = (self.last, None);
        } else if let (Some(before), Some(mean)) = (before, self.mean().filter(|_| self.calls >= GLIMPSE)) {
            self.compare(before, mean);
        }
        self.restart(now);
    }
}

//! How much a listener takes: all it may, one message at a time, or nothing.
//!
//! ```text
//!        too many failures in a row            it fails again
//!  Open ────────────────────────────▶ HalfOpen ──────────────▶ Paused
//!    ▲                                 │    ▲                     │
//!    └──────── a message is handled ───┘    └── its time is over ─┘
//! ```
//!
//! An error whose action is to pause leads from anywhere to `Paused` at once. An operator pauses and resumes as he likes.
//! [`state`] decides; here it is shared among the handlers that run.

mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

use self::state::State;
pub(super) use self::state::{Fate, Stage};
use super::PausePolicy;

/// A cause is cut to this length.
const CAUSE_CHARS: usize = 300;

/// The flow of one listener.
pub(super) struct Flow {
    state: watch::Sender<State>,
    /// Whether there is nothing that a success would change, so that successes cost nothing.
    untroubled: AtomicBool,
}

/// Sees each change of the stage.
pub(super) struct Watch(watch::Receiver<State>);

impl Flow {
    pub(super) fn new(policy: PausePolicy) -> Self {
        Self { state: watch::Sender::new(State::new(policy)), untroubled: AtomicBool::new(true) }
    }

    pub(super) fn watch(&self) -> Watch {
        Watch(self.state.subscribe())
    }

    pub(super) fn stage(&self) -> Stage {
        self.state.borrow().stage().clone()
    }

    /// A handler has done its work.
    pub(super) fn succeeded(&self) {
        if !self.untroubled.load(Ordering::Relaxed) {
            self.change(State::succeeded);
        }
    }

    /// A message failed as often as it is tried in one go; says what becomes of it. `trip` is an error that pauses at once.
    pub(super) fn failed(&self, suspect: &str, cause: &str, trip: bool) -> Fate {
        let cause: String = cause.chars().take(CAUSE_CHARS).collect();
        // Replicas that lost the same thing should not all come back at the same moment.
        let jitter = 0.5 + fastrand::f64() / 2.0;
        let mut fate = Fate::ByPolicy;
        self.change(|state| fate = state.failed(suspect, cause.into(), trip, Instant::now(), jitter));
        fate
    }

    /// The time of a pause is over.
    pub(super) fn elapsed(&self) {
        self.change(|state| state.elapsed(Instant::now()));
    }

    pub(super) fn pause(&self, reason: Arc<str>) {
        self.change(|state| state.pause(reason));
    }

    pub(super) fn resume(&self) {
        self.change(State::resume);
    }

    /// What failed since it was last known to work, and so says nothing new.
    pub(super) fn suspects(&self) -> Vec<Arc<str>> {
        self.state.borrow().suspects().to_vec()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_if_modified(|state| {
            let before = state.stage().clone();
            change(state);
            self.untroubled.store(state.is_untroubled(), Ordering::Relaxed);
            before != *state.stage()
        });
    }
}

impl Watch {
    /// The stage, from now on taken as seen.
    pub(super) fn seen(&mut self) -> Stage {
        self.0.borrow_and_update().stage().clone()
    }

    /// Waits until the stage is another than the one that was seen.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The flow is gone, and with it whoever could change it.
            std::future::pending::<()>().await;
        }
    }
}

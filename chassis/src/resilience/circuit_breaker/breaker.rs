use std::borrow::Borrow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::broadcast;

use super::error::CircuitOpen;
use super::event::{Counts, Status, Transition};
use super::policy::CircuitBreakerPolicy;
use super::state::{self, State};
use crate::resilience::Outcome;
use crate::resilience::judged::Leave;

/// How many changes a subscriber may be behind.
const BACKLOG: usize = 64;

type Observer = Box<dyn Fn(Transition) + Send + Sync>;

/// A circuit breaker: one for each dependency. Cloning gives another handle to the same.
///
/// It is put around a service by its [layer](super::CircuitBreakerLayer), or asked directly:
///
/// ```
/// use chassis::resilience::Outcome;
/// use chassis::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerPolicy, Status};
///
/// let policy = CircuitBreakerPolicy::builder().count_window(10).min_calls(2).build()?;
/// let breaker = CircuitBreaker::new(policy);
/// for _ in 0..2 {
///     breaker.try_acquire()?.record(Outcome::Failure);
/// }
/// assert_eq!(breaker.status(), Status::Open);
/// assert!(breaker.try_acquire().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Shared>);

struct Shared {
    state: State,
    events: broadcast::Sender<Transition>,
    observers: Mutex<Vec<Observer>>,
}

impl CircuitBreaker {
    /// A closed circuit.
    pub fn new(policy: CircuitBreakerPolicy) -> Self {
        let state = State::new(policy, now());
        Self(Arc::new(Shared { state, events: broadcast::Sender::new(BACKLOG), observers: Mutex::default() }))
    }

    /// Asks whether a call may pass.
    ///
    /// # Errors
    /// When it may not.
    pub fn try_acquire(&self) -> Result<Permit<&Self>, CircuitOpen> {
        self.try_acquire_at(now())
    }

    /// The same at a moment that the caller knows.
    ///
    /// # Errors
    /// When it may not.
    #[inline]
    pub fn try_acquire_at(&self, now: Instant) -> Result<Permit<&Self>, CircuitOpen> {
        Ok(Permit { held: Some((self, self.acquire(now)?)) })
    }

    /// The same with a permit that holds the breaker, for where it cannot be borrowed.
    ///
    /// # Errors
    /// When it may not.
    #[inline]
    pub fn try_acquire_owned(&self) -> Result<Permit<Self>, CircuitOpen> {
        Permit::acquire(self)
    }

    #[inline]
    fn acquire(&self, now: Instant) -> Result<state::Permit, CircuitOpen> {
        let acquired = self.0.state.try_acquire(now);
        if let Some(transition) = acquired.transition {
            self.announce(transition);
        }
        acquired.permit
    }

    /// Has a call that was recorded as going well so far be one that failed.
    pub fn broke_off(&self, recorded: &Recorded) {
        self.announce_some(recorded.0.as_ref().and_then(|counted| self.0.state.break_off(counted, now())));
    }

    /// How it is. An open circuit whose time is over is open until the next call asks.
    pub fn status(&self) -> Status {
        self.0.state.status()
    }

    /// What its window holds.
    pub fn counts(&self) -> Counts {
        self.0.state.counts(now())
    }

    /// Its policy.
    pub fn policy(&self) -> &CircuitBreakerPolicy {
        self.0.state.policy()
    }

    /// Has every call refused until [`reset`](Self::reset) or [`disable`](Self::disable).
    pub fn force_open(&self) {
        self.announce_some(self.0.state.force_open());
    }

    /// Lets every call pass, and counts nothing, until [`reset`](Self::reset) or [`force_open`](Self::force_open).
    pub fn disable(&self) {
        self.announce_some(self.0.state.disable());
    }

    /// Closes it, whatever it was, and forgets what was counted.
    pub fn reset(&self) {
        self.announce_some(self.0.state.reset());
    }

    /// Follows its changes. Who is more than 64 behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Transition> {
        self.0.events.subscribe()
    }

    /// Has `observer` called at each change, by whoever caused it: it must not wait.
    ///
    /// An observer that holds this breaker keeps it alive for good.
    pub fn observe(&self, observer: impl Fn(Transition) + Send + Sync + 'static) {
        self.0.observers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(observer));
    }

    #[inline]
    fn announce_some(&self, transition: Option<Transition>) {
        if let Some(transition) = transition {
            self.announce(transition);
        }
    }

    #[cold]
    fn announce(&self, transition: Transition) {
        for observer in self.0.observers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            observer(transition);
        }
        // That nobody follows is no error.
        let _ = self.0.events.send(transition);
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Lets one call pass. Dropped without a result it counts as given up, which frees the place of a probe.
#[must_use]
pub struct Permit<B: Borrow<CircuitBreaker>> {
    held: Option<(B, state::Permit)>,
}

impl<B: Borrow<CircuitBreaker> + Clone> Permit<B> {
    /// One that holds a handle of its own.
    #[inline]
    pub(super) fn acquire(breaker: &B) -> Result<Self, CircuitOpen> {
        let permit = breaker.borrow().acquire(now())?;
        Ok(Self { held: Some((breaker.clone(), permit)) })
    }
}

impl<B: Borrow<CircuitBreaker>> Permit<B> {
    /// Says what became of the call.
    pub fn record(self, outcome: Outcome) {
        self.record_at(now(), outcome);
    }

    /// The same at a moment that the caller knows.
    #[inline]
    pub fn record_at(mut self, now: Instant, outcome: Outcome) {
        if let Some((breaker, permit)) = self.held.take() {
            let breaker = breaker.borrow();
            breaker.announce_some(breaker.0.state.record(&permit, now, outcome));
        }
    }
}

/// A call that was recorded as a success and goes on; see [`Permit::record_so_far`].
#[derive(Debug)]
pub struct Recorded(Option<state::Counted>);

impl<B: Borrow<CircuitBreaker>> Permit<B> {
    /// Says of a call that goes on, such as one whose answer streams, that it goes well so far. It is counted now, so that one
    /// that goes on for long holds no probe; if it ends badly, [`CircuitBreaker::broke_off`] has it be a failure instead. Either
    /// way it is one call. What breaks off after the circuit has changed says nothing.
    ///
    /// ```
    /// use chassis::resilience::circuit_breaker::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::new(Default::default());
    /// let download = breaker.try_acquire()?.record_so_far();
    /// breaker.broke_off(&download);
    /// assert_eq!((breaker.counts().calls, breaker.counts().failures), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_so_far(self) -> Recorded {
        self.record_so_far_at(now())
    }

    /// The same at a moment that the caller knows.
    pub fn record_so_far_at(mut self, now: Instant) -> Recorded {
        Recorded(self.held.take().map(|(breaker, permit)| {
            let breaker = breaker.borrow();
            let (counted, transition) = breaker.0.state.record_so_far(&permit, now);
            breaker.announce_some(transition);
            counted
        }))
    }
}

impl<B: Borrow<CircuitBreaker>> Leave for Permit<B> {
    #[inline]
    fn record(self, outcome: Outcome) {
        self.record_at(now(), outcome);
    }
}

impl<B: Borrow<CircuitBreaker>> Drop for Permit<B> {
    #[inline]
    fn drop(&mut self) {
        if let Some((breaker, permit)) = self.held.take() {
            let breaker = breaker.borrow();
            breaker.announce_some(breaker.0.state.abandon(&permit, now()));
        }
    }
}

impl<B: Borrow<CircuitBreaker>> fmt::Debug for Permit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// The clock that a test may pause.
#[inline]
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

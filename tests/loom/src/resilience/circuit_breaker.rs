#[path = "../../../../chassis/src/resilience/circuit_breaker/error.rs"]
mod error;
#[path = "../../../../chassis/src/resilience/circuit_breaker/event.rs"]
mod event;
#[path = "../../../../chassis/src/resilience/circuit_breaker/policy.rs"]
mod policy;
#[path = "../../../../chassis/src/resilience/circuit_breaker/state.rs"]
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;

use self::event::{Status, Transition};
use self::policy::{CircuitBreakerPolicy, CircuitBreakerPolicyBuilder};
use self::state::State;
use super::Outcome;
use super::stripe;

fn state(builder: CircuitBreakerPolicyBuilder, now: Instant) -> Arc<State> {
    Arc::new(State::new(builder.build().expect("a policy"), now))
}

fn policy() -> CircuitBreakerPolicyBuilder {
    CircuitBreakerPolicy::builder().time_window(Duration::from_secs(1)).min_calls(2).failure_rate(1.0)
}

/// A call by a thread of that stripe.
fn call(state: &State, mine: usize, now: Instant) -> Option<Transition> {
    stripe::take(mine);
    let permit = state.try_acquire(now).permit.ok()?;
    state.record(&permit, now, Outcome::Failure)
}

/// Two calls fail at once, which are enough: one of them opens the circuit.
fn two_failures(stripes: [usize; 2], apart: Duration) {
    let now = Instant::now();
    let state = state(policy(), now);
    let other = {
        let state = Arc::clone(&state);
        thread::spawn(move || call(&state, stripes[0], now))
    };
    let mine = call(&state, stripes[1], now + apart);
    let changes: Vec<_> = [mine, other.join().expect("no panic")].into_iter().flatten().collect();
    assert_eq!(state.status(), Status::Open, "neither of them has seen that they are two");
    assert_eq!(changes.len(), 1, "it opens once: {changes:?}");
}

/// Both count in the same cells.
pub fn the_last_of_two_failures_opens_it() {
    two_failures([0, 0], Duration::ZERO);
}

/// Each counts in a stripe of its own.
pub fn the_last_of_two_failures_of_different_stripes_opens_it() {
    two_failures([0, 1], Duration::ZERO);
}

/// A tenth of the window lies between them.
pub fn the_last_of_two_failures_of_different_buckets_opens_it() {
    two_failures([0, 0], Duration::from_millis(100));
}

/// Two calls come when the open time is over: one is the probe, and the circuit is half-open once.
pub fn of_two_who_come_one_is_the_probe() {
    let now = Instant::now();
    let state = state(policy().open_for(Duration::from_secs(1)).probes(1), now);
    let opened = [0, 1].map(|_| call(&state, 0, now).is_some());
    assert_eq!(opened, [false, true]);
    let later = now + Duration::from_secs(1);
    let ask = move |state: &State| {
        let acquired = state.try_acquire(later);
        (acquired.permit.is_ok(), acquired.transition.is_some())
    };
    let other = {
        let state = Arc::clone(&state);
        thread::spawn(move || ask(&state))
    };
    let mine = ask(&state);
    let mut answers = [mine, other.join().expect("no panic")];
    answers.sort_unstable();
    assert_eq!(answers, [(false, false), (true, true)]);
}

/// An operator switches it off while a call that was let in before fails: he has the last word.
pub fn what_was_let_in_before_does_not_undo_an_operators_word() {
    let now = Instant::now();
    let state = state(policy().min_calls(1), now);
    let permit = state.try_acquire(now).permit.expect("it is closed");
    let other = {
        let state = Arc::clone(&state);
        thread::spawn(move || state.record(&permit, now, Outcome::Failure))
    };
    let told = state.disable().expect("it was not off");
    let opened = other.join().expect("no panic");
    assert_eq!(state.status(), Status::Disabled);
    assert_eq!(told.from, opened.map_or(Status::Closed, |opened| opened.to));
}

/// An operator closes it while a call comes: if that passes, it counts.
pub fn who_passes_after_it_closed_counts() {
    let now = Instant::now();
    let state = state(policy().min_calls(1), now);
    state.force_open();
    let other = {
        let state = Arc::clone(&state);
        thread::spawn(move || call(&state, 1, now).is_some())
    };
    assert!(state.reset().is_some());
    let opened = other.join().expect("no panic");
    assert_eq!(state.counts(now).failures, u64::from(opened));
    assert_eq!(state.status(), if opened { Status::Open } else { Status::Closed });
}

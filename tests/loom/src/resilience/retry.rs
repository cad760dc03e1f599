#[path = "../../../../chassis/src/resilience/retry/budget.rs"]
mod budget;

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;

use self::budget::{BudgetPolicy, State};
use super::stripe;

/// Two calls that failed want the last retry that there is, while another call adds to what may be retried: one has it.
pub fn the_last_retry_is_taken_once() {
    let now = Instant::now();
    let policy = BudgetPolicy { ratio: 0.5, floor: 1.0, window: Duration::from_secs(1) };
    let state = Arc::new(State::new(policy, now));
    let other = {
        let state = Arc::clone(&state);
        thread::spawn(move || {
            stripe::take(1);
            state.deposit(now);
            state.try_withdraw(now, Duration::ZERO)
        })
    };
    let mine = state.try_withdraw(now, Duration::ZERO);
    let other = other.join().expect("no panic");
    assert!(mine != other, "one of them: {mine} and {other}");
}

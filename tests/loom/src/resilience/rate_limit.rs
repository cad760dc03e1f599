#[path = "../../../../chassis/src/resilience/rate_limit/error.rs"]
mod error;
#[path = "../../../../chassis/src/resilience/rate_limit/policy.rs"]
mod policy;
#[path = "../../../../chassis/src/resilience/rate_limit/state.rs"]
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;

use self::policy::RateLimitPolicy;
use self::state::State;

/// Three calls come at once where two may: two pass.
pub fn no_turn_is_taken_twice_and_none_is_lost() {
    let now = Instant::now();
    let policy = RateLimitPolicy::try_new(2, Duration::from_secs(1), 2).expect("a policy");
    let state = Arc::new(State::new(policy, now));
    let others = [0, 1].map(|_| {
        let state = Arc::clone(&state);
        thread::spawn(move || state.try_acquire(now).is_ok())
    });
    let mine = state.try_acquire(now).is_ok();
    let passed = others.map(|other| other.join().expect("no panic")).into_iter().chain([mine]);
    assert_eq!(passed.filter(|passed| *passed).count(), 2);
}

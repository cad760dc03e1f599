//! The decisions, without a service and without a clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Priority;
use super::policy::AdaptiveLimitPolicy;
use super::state::{Ended, State};

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
    settle(&state, &mut now, 1000, 100 * MS, 200, 8);
    assert!(state.limit() < 150, "at first it looks like load: {}", state.limit());
    settle(&state, &mut now, 1000, 100 * MS, 200, 10);
    assert_eq!(state.limit(), 200);
}

#[test]
fn a_limit_that_nobody_reaches_is_given_back_when_the_work_has_become_longer() {
    let (mut now, policy) = (Instant::now(), policy(1000, 50, 10_000));
    let state = State::new(policy, now);
    settle(&state, &mut now, 1000, 10 * MS, 100, 10);
    settle(&state, &mut now, 1000, 100 * MS, 100, 8);
    assert!(state.limit() <= 100, "at first it looks like load: {}", state.limit());
    settle(&state, &mut now, 1000, 100 * MS, 100, 10);
    assert!(state.limit() >= 1000, "{}", state.limit());
}

#[test]
fn callers_who_give_up_do_not_hide_the_load() {
    let (mut now, policy) = (Instant::now(), policy(1000, 50, 10_000));
    let state = State::new(policy, now);
    settle(&state, &mut now, 8, 80 * MS, 5, 30);
    assert_eq!(state.limit(), 1000);
    // Ten calls are answered in each window, and hardly in time; many times as many come, and those for whom there is no
    // more room than that leave when their time is over.
    for _ in 0..30 {
        now += 110 * MS;
        let let_in = (0..300).take_while(|_| state.try_enter(Priority::Critical)).count() as u32;
        let took = (8 * MS * let_in).max(80 * MS);
        (0..let_in.min(10)).for_each(|_| state.leave(took, Ended::Answered, now));
        (10..let_in).for_each(|_| state.leave(took, Ended::Ignored, now));
    }
    assert!(state.limit() <= 60, "{}", state.limit());
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

    /// Whoever is in beneath a shared limit is in there too, nobody is let in for whom there is no room in both, and all places come
    /// back.
    #[test]
    fn what_is_beneath_has_its_place_above_too(
        steps in prop::collection::vec((0usize..2, 0usize..5, 0u64..500), 0..300),
    ) {
        let mut now = Instant::now();
        let above = Arc::new(State::new(policy(8, 4, 16), now));
        let beneath = [0, 1].map(|_| State::beneath(Arc::clone(&above), policy(4, 2, 16), now));
        let mut inside = [0, 0];
        for (which, what, ms) in steps {
            now += Duration::from_millis(ms);
            let state = &beneath[which];
            if let Some(priority) = Priority::ALL.get(what) {
                let (share, limit, before) = (above.share(*priority), above.limit(), above.in_flight());
                if state.try_enter(*priority) {
                    prop_assert!(inside[which] < share && before < limit);
                    inside[which] += 1;
                }
            } else if inside[which] > 0 {
                let ended = if what == 3 { Ended::Answered } else { Ended::Ignored };
                state.leave(Duration::from_millis(ms), ended, now);
                inside[which] -= 1;
            }
            prop_assert_eq!([beneath[0].in_flight(), beneath[1].in_flight()], inside);
            prop_assert_eq!(above.in_flight(), inside[0] + inside[1]);
        }
    }
}

//! The decisions, without a service and without a clock.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::resilience::Outcome::{self, Failure, Ignored, Success};
use crate::resilience::circuit_breaker::state::{Counted, Permit, State};
use crate::resilience::circuit_breaker::{
    Cause, CircuitBreakerPolicy, CircuitBreakerPolicyBuilder, Counts, Status, Transition,
};

const MS: Duration = Duration::from_millis(1);

/// A state with a clock that the test turns.
struct Kit {
    state: State,
    now: Instant,
}

impl Kit {
    fn new(builder: CircuitBreakerPolicyBuilder) -> Self {
        let now = Instant::now();
        Self { state: State::new(builder.build().expect("a policy"), now), now }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn acquire(&self) -> Option<Permit> {
        self.state.try_acquire(self.now).permit.ok()
    }

    fn call(&self, outcome: Outcome) -> Option<Transition> {
        let permit = self.acquire().expect("the call passes");
        self.state.record(&permit, self.now, outcome)
    }

    fn calls(&self, n: usize, outcome: Outcome) -> Option<Transition> {
        (0..n).fold(None, |last, _| self.call(outcome).or(last))
    }

    /// A call that goes on.
    fn begin(&self) -> Option<Counted> {
        Some(self.state.record_so_far(&self.acquire()?, self.now).0)
    }

    fn counts(&self) -> Counts {
        self.state.counts(self.now)
    }

    fn retry_after(&self) -> Option<Duration> {
        self.state.try_acquire(self.now).permit.expect_err("the call is refused").retry_after
    }

    fn status(&self) -> Status {
        self.state.status()
    }

    /// Opens it, and lets the open time pass.
    fn opened(builder: CircuitBreakerPolicyBuilder) -> Self {
        let mut kit = Self::new(builder.min_calls(2).open_for(100 * MS));
        kit.calls(2, Failure);
        assert_eq!(kit.status(), Status::Open);
        kit.pass(100 * MS);
        kit
    }
}

fn policy() -> CircuitBreakerPolicyBuilder {
    CircuitBreakerPolicy::builder()
        .time_window(1000 * MS)
        .min_calls(10)
        .open_for(100 * MS)
        .probes(3)
        .slow_calls(1.0, 50 * MS)
}

#[test]
fn it_opens_at_the_rate_and_not_before() {
    let kit = Kit::new(policy());
    assert_eq!(kit.calls(5, Success), None);
    assert_eq!(kit.calls(4, Failure), None, "nine calls say nothing");
    let transition = kit.call(Failure);
    assert_eq!(transition, Some(Transition { from: Status::Closed, to: Status::Open, cause: Cause::Failures }));
    assert_eq!(kit.retry_after(), Some(100 * MS));
}

#[test]
fn failures_that_have_left_the_window_are_forgotten() {
    let mut kit = Kit::new(policy());
    kit.calls(9, Failure);
    kit.pass(1000 * MS);
    assert_eq!(kit.call(Failure), None);
    assert_eq!(kit.state.counts(kit.now).failures, 1);
}

#[test]
fn a_window_of_calls_does_not_care_for_time() {
    let mut kit = Kit::new(policy().count_window(20).min_calls(10));
    kit.calls(9, Failure);
    kit.pass(Duration::from_secs(86_400));
    assert!(kit.call(Failure).is_some());

    let kit = Kit::new(policy().count_window(20).min_calls(10));
    kit.calls(9, Failure);
    kit.calls(20, Success);
    assert_eq!(kit.calls(9, Failure), None, "the first nine are behind the window");
    assert!(kit.call(Failure).is_some(), "ten of twenty");
}

#[test]
fn it_opens_for_slow_calls() {
    let mut kit = Kit::new(policy());
    for n in 0..10 {
        let permit = kit.acquire().unwrap();
        kit.pass(50 * MS);
        let transition = kit.state.record(&permit, kit.now, Success);
        let expected = Transition { from: Status::Closed, to: Status::Open, cause: Cause::SlowCalls };
        assert_eq!(transition, (n == 9).then_some(expected));
    }
}

#[test]
fn what_is_ignored_is_not_counted() {
    let kit = Kit::new(policy());
    kit.calls(100, Ignored);
    assert_eq!(kit.state.counts(kit.now), Default::default());
}

#[test]
fn probes_that_pass_close_it() {
    let kit = Kit::opened(policy());
    let first = kit.state.try_acquire(kit.now);
    let transition = Transition { from: Status::Open, to: Status::HalfOpen, cause: Cause::TimeIsOver };
    assert_eq!(first.transition, Some(transition));
    let permits = [first.permit.unwrap(), kit.acquire().unwrap(), kit.acquire().unwrap()];
    assert!(kit.acquire().is_none(), "three probes, no more");
    assert_eq!(kit.state.record(&permits[0], kit.now, Success), None);
    assert_eq!(kit.state.record(&permits[1], kit.now, Success), None);
    let transition = kit.state.record(&permits[2], kit.now, Success);
    let expected = Transition { from: Status::HalfOpen, to: Status::Closed, cause: Cause::ProbesPassed };
    assert_eq!(transition, Some(expected));
    assert_eq!(kit.state.counts(kit.now).failures, 0, "it begins anew");
}

#[test]
fn probes_that_fail_open_it_as_soon_as_that_is_certain() {
    let kit = Kit::opened(policy());
    assert_eq!(kit.call(Failure), None, "one of three");
    let transition = kit.call(Failure);
    assert_eq!(transition.map(|t| (t.to, t.cause)), Some((Status::Open, Cause::ProbesFailed)), "two of three");
    assert_eq!(kit.retry_after(), Some(100 * MS));
}

#[test]
fn the_open_time_grows_until_it_closes() {
    let mut kit = Kit::opened(policy().open_growth(2.0, 300 * MS).probes(1));
    for expected in [200, 300, 300] {
        kit.call(Failure);
        assert_eq!(kit.retry_after(), Some(expected * MS));
        kit.pass(expected * MS);
    }
    kit.call(Success);
    assert_eq!(kit.status(), Status::Closed);
    kit.calls(2, Failure);
    assert_eq!(kit.retry_after(), Some(100 * MS));
}

#[test]
fn a_probe_that_is_given_up_leaves_its_place() {
    let kit = Kit::opened(policy().probes(1));
    for _ in 0..100 {
        let permit = kit.acquire().expect("there is a place");
        assert!(kit.acquire().is_none());
        assert_eq!(kit.state.abandon(&permit, kit.now), None);
    }
    assert_eq!(kit.call(Success).map(|t| t.to), Some(Status::Closed));
}

#[test]
fn a_slow_call_counts_though_it_is_given_up() {
    let mut kit = Kit::opened(policy().probes(1));
    let permit = kit.acquire().unwrap();
    kit.pass(50 * MS);
    let transition = kit.state.abandon(&permit, kit.now);
    assert_eq!(transition.map(|t| (t.to, t.cause)), Some((Status::Open, Cause::ProbesFailed)));
}

#[test]
fn probes_that_never_come_back_do_not_hold_it() {
    let mut kit = Kit::opened(policy().probes(1).probe_wait(70 * MS));
    let lost = kit.acquire().unwrap();
    kit.pass(69 * MS);
    assert_eq!(kit.retry_after(), Some(MS));
    kit.pass(MS);
    let refused = kit.state.try_acquire(kit.now);
    assert_eq!(refused.transition.map(|t| t.cause), Some(Cause::ProbesUnanswered));
    assert_eq!(kit.status(), Status::Open);
    kit.pass(100 * MS);
    let permit = kit.acquire().expect("another probe");
    assert_eq!(kit.state.record(&lost, kit.now, Failure), None, "what comes this late does not count");
    assert_eq!(kit.state.record(&permit, kit.now, Success).map(|t| t.to), Some(Status::Closed));
}

#[test]
fn few_calls_can_close_it_in_their_own_time() {
    let mut kit = Kit::opened(policy().probes(3).probe_wait(70 * MS));
    for _ in 0..3 {
        kit.call(Success);
        kit.pass(Duration::from_secs(60));
    }
    assert_eq!(kit.status(), Status::Closed);
}

#[test]
fn results_from_before_a_change_do_not_count() {
    let mut kit = Kit::new(policy().min_calls(2).probes(1));
    let early: Vec<Permit> = (0..10).map(|_| kit.acquire().unwrap()).collect();
    kit.calls(2, Failure);
    kit.pass(100 * MS);
    kit.call(Success);
    assert_eq!(kit.status(), Status::Closed);
    for permit in &early {
        assert_eq!(kit.state.record(permit, kit.now, Failure), None);
    }
    assert_eq!(kit.state.counts(kit.now).calls, 0);
}

#[test]
fn what_breaks_off_is_one_call_that_failed() {
    for builder in [policy().failure_rate(1.0), policy().failure_rate(1.0).count_window(20)] {
        let kit = Kit::new(builder);
        for n in 1..=10 {
            let transition = kit.begin().and_then(|counted| kit.state.break_off(&counted, kit.now));
            assert_eq!(transition.map(|t| t.cause), (n == 10).then_some(Cause::Failures), "{n}");
        }
    }
}

#[test]
fn what_breaks_off_leaves_the_window_with_its_call() {
    let mut kit = Kit::new(policy());
    let early: Vec<Counted> = (0..5).filter_map(|_| kit.begin()).collect();
    kit.pass(900 * MS);
    for counted in &early {
        assert_eq!(kit.state.break_off(counted, kit.now), None);
    }
    assert_eq!((kit.counts().calls, kit.counts().failures), (5, 5));
    kit.pass(100 * MS);
    assert_eq!((kit.counts().calls, kit.counts().failures), (0, 0));
    // What the window has forgotten is a call again.
    assert_eq!(kit.state.break_off(&early[0], kit.now), None);
    assert_eq!((kit.counts().calls, kit.counts().failures), (1, 1));
}

#[test]
fn a_probe_that_breaks_off_has_failed() {
    let kit = Kit::opened(policy().failure_rate(0.6));
    let probes = [kit.begin().expect("a probe"), kit.begin().expect("a probe")];
    assert_eq!(kit.state.break_off(&probes[0], kit.now), None, "one of three");
    let transition = kit.state.break_off(&probes[1], kit.now);
    assert_eq!(transition.map(|t| (t.to, t.cause)), Some((Status::Open, Cause::ProbesFailed)));
}

#[test]
fn what_breaks_off_after_a_change_does_not_count() {
    let mut kit = Kit::new(policy().min_calls(2).probes(1));
    let early = kit.begin().expect("it passes");
    kit.call(Failure);
    assert_eq!(kit.state.break_off(&early, kit.now), None);
    kit.pass(100 * MS);
    let probe = kit.begin().expect("a probe");
    assert_eq!(kit.status(), Status::Closed);
    for counted in [early, probe] {
        assert_eq!(kit.state.break_off(&counted, kit.now), None);
    }
    assert_eq!(kit.counts(), Default::default());
}

#[test]
fn an_operator_has_the_last_word() {
    let mut kit = Kit::new(policy().min_calls(2));
    assert_eq!(kit.state.force_open().map(|t| (t.to, t.cause)), Some((Status::ForcedOpen, Cause::Operator)));
    assert_eq!(kit.state.force_open(), None);
    kit.pass(Duration::from_secs(86_400));
    assert_eq!(kit.retry_after(), None, "it does not end by itself");
    assert_eq!(kit.state.disable().map(|t| t.to), Some(Status::Disabled));
    assert_eq!(kit.calls(100, Failure), None);
    assert_eq!(kit.state.reset().map(|t| t.to), Some(Status::Closed));
    assert_eq!(kit.call(Failure), None);
    assert!(kit.call(Failure).is_some());
    assert_eq!(kit.state.reset().map(|t| (t.from, t.to)), Some((Status::Open, Status::Closed)));
    assert_eq!(kit.state.reset(), None);
}

/// What may happen to a breaker.
#[derive(Debug, Clone)]
enum Step {
    Acquire,
    Finish(usize, Outcome),
    Abandon(usize),
    GoOn(usize),
    BreakOff(usize),
    Pass(u64),
    ForceOpen,
    Disable,
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![3 => Just(Failure), 2 => Just(Success), 1 => Just(Ignored)];
    let step = prop_oneof![
        20 => Just(Step::Acquire),
        16 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Finish(which, outcome)),
        4 => any::<usize>().prop_map(Step::Abandon),
        4 => any::<usize>().prop_map(Step::GoOn),
        3 => any::<usize>().prop_map(Step::BreakOff),
        8 => (0u64..150).prop_map(Step::Pass),
        1 => Just(Step::ForceOpen),
        1 => Just(Step::Disable),
        2 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Whatever happens: changes follow one another, no more probes are out than there may be, what is open refuses, and
    /// without an operator's word a call passes at the latest when open time and wait for probes are over.
    #[test]
    fn nothing_leaves_it_stuck(steps in steps(), count in any::<bool>()) {
        let builder = policy().min_calls(3).probes(2).probe_wait(300 * MS);
        let mut kit = Kit::new(if count { builder.count_window(10) } else { builder });
        let (mut out, mut status, mut probes) = (Vec::<(Permit, bool)>::new(), Status::Closed, 0);
        let mut going = Vec::<Counted>::new();
        for step in steps {
            let mut change = None;
            match step {
                Step::Acquire => {
                    let acquired = kit.state.try_acquire(kit.now);
                    change = acquired.transition;
                    match acquired.permit {
                        Ok(permit) => {
                            let probe = kit.status() == Status::HalfOpen;
                            prop_assert!(probe || matches!(kit.status(), Status::Closed | Status::Disabled));
                            out.push((permit, probe));
                        }
                        Err(refused) => prop_assert_eq!(refused.retry_after.is_none(), kit.status() == Status::ForcedOpen),
                    }
                }
                Step::Finish(which, outcome) if !out.is_empty() => {
                    let (permit, _) = out.swap_remove(which % out.len());
                    change = kit.state.record(&permit, kit.now, outcome);
                }
                Step::Abandon(which) if !out.is_empty() => {
                    let (permit, _) = out.swap_remove(which % out.len());
                    change = kit.state.abandon(&permit, kit.now);
                }
                Step::GoOn(which) if !out.is_empty() => {
                    let (permit, _) = out.swap_remove(which % out.len());
                    let (counted, changed) = kit.state.record_so_far(&permit, kit.now);
                    going.push(counted);
                    change = changed;
                }
                Step::BreakOff(which) if !going.is_empty() => {
                    let counted = going.swap_remove(which % going.len());
                    change = kit.state.break_off(&counted, kit.now);
                }
                Step::Finish(..) | Step::Abandon(_) | Step::GoOn(_) | Step::BreakOff(_) => {}
                Step::Pass(ms) => kit.pass(Duration::from_millis(ms)),
                Step::ForceOpen => change = kit.state.force_open(),
                Step::Disable => change = kit.state.disable(),
                Step::Reset => change = kit.state.reset(),
            }
            if let Some(change) = change {
                prop_assert_eq!(change.from, status, "the last change led elsewhere");
                prop_assert_ne!(change.from, change.to);
                status = change.to;
                if change.to != Status::HalfOpen {
                    // Probes of a period that is over are no longer anybody's.
                    out.iter_mut().for_each(|(_, probe)| *probe = false);
                }
            }
            prop_assert_eq!(status, kit.status());
            probes = out.iter().filter(|(_, probe)| *probe).count();
            prop_assert!(probes <= 2, "{} probes are out", probes);
        }
        if status != Status::ForcedOpen {
            let passes = (0..3).any(|_| {
                kit.pass(300 * MS);
                kit.acquire().is_some()
            });
            prop_assert!(passes, "stuck as {} with {} probes out", status, probes);
        }
    }

    /// It opens at exactly the call that a list of all results in the window says.
    #[test]
    fn it_opens_when_a_list_of_all_calls_says_so(
        calls in prop::collection::vec((any::<bool>(), prop::bool::weighted(0.3), 0u64..120), 1..80),
        min in 1u32..20,
    ) {
        let mut kit = Kit::new(policy().min_calls(min).failure_rate(0.6).slow_calls(0.5, 50 * MS));
        let (mut at, mut window) = (0, Vec::new());
        for (failed, slow, pause) in calls {
            let permit = kit.acquire().expect("it is closed");
            let took = if slow { 50 } else { 0 };
            kit.pass(took as u32 * MS);
            at += took;
            let opened = kit.state.record(&permit, kit.now, if failed { Failure } else { Success }).is_some();
            // Of the window's second the current tenth and the nine before it.
            window.push((at / 100, failed, slow));
            window.retain(|(tenth, ..)| at / 100 - tenth < 10);
            let reaches = |bad: usize, rate: f64| bad as f64 >= rate * window.len() as f64;
            let failures = window.iter().filter(|(_, failed, _)| *failed).count();
            let slow_ones = window.iter().filter(|(.., slow)| *slow).count();
            let bad = reaches(failures, 0.6) || reaches(slow_ones, 0.5);
            prop_assert_eq!(opened, (failed || slow) && window.len() >= min as usize && bad);
            if opened {
                break;
            }
            kit.pass(pause as u32 * MS);
            at += pause;
        }
    }

    /// However late calls break off, each counts once, with what became of it.
    #[test]
    fn each_call_counts_once(
        calls in prop::collection::vec((prop::bool::weighted(0.4), 0u64..1500, 0u64..200), 1..80),
    ) {
        let mut kit = Kit::new(policy().min_calls(u32::MAX));
        // When it began, when it breaks off, and where it is counted now.
        let (mut at, mut all) = (0, Vec::<(Option<(u64, Counted)>, u64, bool)>::new());
        for (breaks, after, pause) in calls {
            let counted = kit.begin().expect("it is closed");
            all.push((breaks.then_some((at + after, counted)), at, false));
            at += pause;
            kit.pass(pause as u32 * MS);
            for (breaks, counted_at, failed) in &mut all {
                if let Some((_, counted)) = breaks.take_if(|(when, _)| *when <= at) {
                    prop_assert_eq!(kit.state.break_off(&counted, kit.now), None);
                    if at / 100 - *counted_at / 100 >= 10 {
                        *counted_at = at;
                    }
                    *failed = true;
                }
            }
            let seen = || all.iter().filter(|(_, counted_at, _)| at / 100 - counted_at / 100 < 10);
            let expected = (seen().count() as u64, seen().filter(|(.., failed)| *failed).count() as u64);
            prop_assert_eq!((kit.counts().calls, kit.counts().failures), expected);
        }
    }

    /// The same for a window of calls, which looks back at so many as fit into ten steps.
    #[test]
    fn a_window_of_calls_forgets_all_but_the_last(failed in prop::collection::vec(any::<bool>(), 1..120), min in 1u32..18) {
        let kit = Kit::new(policy().count_window(20).min_calls(min).failure_rate(0.6));
        for (at, bad) in failed.iter().enumerate() {
            let opened = kit.call(if *bad { Failure } else { Success }).is_some();
            let window = &failed[(at / 2).saturating_sub(9) * 2..=at];
            let failures = window.iter().filter(|bad| **bad).count() as f64;
            let expected = *bad && window.len() >= min as usize && failures >= 0.6 * window.len() as f64;
            prop_assert_eq!(opened, expected);
            if opened {
                break;
            }
        }
    }
}

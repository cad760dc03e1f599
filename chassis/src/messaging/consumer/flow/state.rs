//! Every decision about the flow. The time and chance are passed in.

use std::sync::Arc;

use tokio::time::Instant;

use crate::messaging::consumer::PausePolicy;

/// How many messages that failed are remembered while a listener is ill.
const SUSPECTS: usize = 8;

/// How much a listener takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::messaging::consumer) enum Stage {
    /// As much as was declared.
    Open,
    /// One message at a time, to see whether it works.
    HalfOpen { cause: Arc<str> },
    /// Nothing, until then; where there is no time, until an operator says otherwise.
    Paused { cause: Arc<str>, until: Option<Instant> },
}

/// What becomes of a message that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::messaging::consumer) enum Fate {
    /// What its policy says.
    ByPolicy,
    /// It goes back: the listener is ill, and not the message.
    Return,
}

pub(super) struct State {
    policy: PausePolicy,
    /// In a row.
    failures: u32,
    /// In a row.
    pauses: u32,
    stage: Stage,
    suspects: Vec<Arc<str>>,
}

impl State {
    pub(super) fn new(policy: PausePolicy) -> Self {
        Self { policy, failures: 0, pauses: 0, stage: Stage::Open, suspects: Vec::new() }
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    pub(super) fn suspects(&self) -> &[Arc<str>] {
        &self.suspects
    }

    pub(super) fn is_untroubled(&self) -> bool {
        self.stage == Stage::Open && self.failures == 0
    }

    pub(super) fn succeeded(&mut self) {
        match self.stage {
            Stage::Open => self.failures = 0,
            Stage::HalfOpen { .. } => {
                self.recover();
                self.stage = Stage::Open;
            }
            // It began before the pause did and proves nothing for what comes after it.
            Stage::Paused { .. } => {}
        }
    }

    pub(super) fn failed(&mut self, suspect: &str, cause: Arc<str>, trip: bool, now: Instant, jitter: f64) -> Fate {
        match &self.stage {
            Stage::Open => {
                self.failures = self.failures.saturating_add(1);
                if trip {
                    self.pause_itself(suspect, cause, now, jitter);
                    return Fate::Return;
                }
                if self.policy.after().is_some_and(|after| self.failures >= after) {
                    self.stage = Stage::HalfOpen { cause };
                }
                Fate::ByPolicy
            }
            Stage::HalfOpen { .. } => {
                self.pause_itself(suspect, cause, now, jitter);
                Fate::Return
            }
            Stage::Paused { until: Some(_), .. } => Fate::Return,
            Stage::Paused { until: None, .. } if trip => Fate::Return,
            Stage::Paused { until: None, .. } => Fate::ByPolicy,
        }
    }

    pub(super) fn elapsed(&mut self, now: Instant) {
        if let Stage::Paused { cause, until: Some(until) } = &self.stage
            && *until <= now
        {
            self.stage = Stage::HalfOpen { cause: cause.clone() };
        }
    }

    pub(super) fn pause(&mut self, reason: Arc<str>) {
        self.stage = Stage::Paused { cause: reason, until: None };
    }

    pub(super) fn resume(&mut self) {
        if let Stage::Paused { cause, .. } = &self.stage {
            let ill = self.pauses > 0;
            self.stage = if ill { Stage::HalfOpen { cause: cause.clone() } } else { Stage::Open };
        }
    }

    fn pause_itself(&mut self, suspect: &str, cause: Arc<str>, now: Instant, jitter: f64) {
        if !self.suspects.iter().any(|known| **known == *suspect) {
            if self.suspects.len() == SUSPECTS {
                self.suspects.remove(0);
            }
            self.suspects.push(suspect.into());
        }
        let until = now + self.policy.length(self.pauses).mul_f64(jitter);
        self.pauses = self.pauses.saturating_add(1);
        self.stage = Stage::Paused { cause, until: Some(until) };
    }

    fn recover(&mut self) {
        self.failures = 0;
        self.pauses = 0;
        self.suspects.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ill_after(failures: u32) -> State {
        let policy = PausePolicy::try_new(failures, Duration::from_secs(1), Duration::from_secs(300)).expect("valid");
        State::new(policy)
    }

    fn fail(state: &mut State, now: Instant) -> Fate {
        state.failed("m", "no database".into(), false, now, 1.0)
    }

    fn pause_ends(state: &State) -> Option<Instant> {
        match state.stage() {
            Stage::Paused { until, .. } => *until,
            _ => None,
        }
    }

    #[test]
    fn failures_in_a_row_open_half_and_one_more_pauses() {
        let (mut state, now) = (ill_after(3), Instant::now());
        fail(&mut state, now);
        fail(&mut state, now);
        state.succeeded();
        assert_eq!([fail(&mut state, now), fail(&mut state, now)], [Fate::ByPolicy; 2]);
        assert_eq!(*state.stage(), Stage::Open, "not in a row");
        assert_eq!(fail(&mut state, now), Fate::ByPolicy);
        assert_eq!(*state.stage(), Stage::HalfOpen { cause: "no database".into() });
        assert_eq!(fail(&mut state, now), Fate::Return);
        assert_eq!(pause_ends(&state), Some(now + Duration::from_secs(1)));
        assert_eq!(fail(&mut state, now), Fate::Return, "what ran still does not count either");
    }

    #[test]
    fn each_pause_is_longer_until_a_probe_succeeds() {
        let (mut state, now) = (ill_after(1), Instant::now());
        fail(&mut state, now);
        let mut lengths = Vec::new();
        for _ in 0..3 {
            fail(&mut state, now);
            let until = pause_ends(&state).expect("paused");
            lengths.push((until - now).as_secs());
            state.elapsed(until - Duration::from_millis(1));
            assert_eq!(pause_ends(&state), Some(until), "not yet");
            state.elapsed(until);
            assert!(matches!(state.stage(), Stage::HalfOpen { .. }));
        }
        assert_eq!(lengths, [1, 2, 4]);
        state.succeeded();
        assert!(state.is_untroubled() && state.suspects().is_empty());
        fail(&mut state, now);
        fail(&mut state, now);
        assert_eq!(pause_ends(&state), Some(now + Duration::from_secs(1)), "it begins anew");
    }

    #[test]
    fn an_error_that_pauses_does_so_at_once() {
        let mut state = State::new(PausePolicy::never());
        let now = Instant::now();
        assert_eq!(state.failed("m", "the circuit is open".into(), true, now, 0.5), Fate::Return);
        assert_eq!(pause_ends(&state), Some(now + Duration::from_millis(500)));
    }

    #[test]
    fn without_a_limit_failures_never_pause() {
        let (mut state, now) = (State::new(PausePolicy::never()), Instant::now());
        assert!((0..1000).all(|_| fail(&mut state, now) == Fate::ByPolicy));
        assert_eq!(*state.stage(), Stage::Open);
    }

    #[test]
    fn an_operators_pause_has_no_end_of_its_own() {
        let (mut state, now) = (ill_after(1), Instant::now());
        state.pause("maintenance".into());
        state.elapsed(now + Duration::from_secs(1_000_000));
        assert_eq!(*state.stage(), Stage::Paused { cause: "maintenance".into(), until: None });
        assert_eq!(fail(&mut state, now), Fate::ByPolicy, "what still runs is handled as ever");
        state.resume();
        assert_eq!(*state.stage(), Stage::Open);
    }

    #[test]
    fn resuming_a_listener_that_paused_itself_tries_one_message_first() {
        let (mut state, now) = (ill_after(1), Instant::now());
        fail(&mut state, now);
        fail(&mut state, now);
        state.resume();
        assert!(matches!(state.stage(), Stage::HalfOpen { .. }));
        state.resume();
        assert!(matches!(state.stage(), Stage::HalfOpen { .. }), "only a pause can be resumed");
    }

    #[test]
    fn the_last_few_suspects_are_remembered_once_each() {
        let (mut state, now) = (ill_after(1), Instant::now());
        fail(&mut state, now);
        for number in [0, 0, 1, 2, 3, 4, 5, 6, 7, 8] {
            state.failed(&number.to_string(), "x".into(), false, now, 1.0);
            state.resume();
        }
        assert_eq!(state.suspects().len(), SUSPECTS);
        assert_eq!(state.suspects().first().map(|first| &**first), Some("1"));
    }
}

//! What becomes of a message whose handler failed.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FailureAction, FailureActions, PausePolicy};
use crate::{Error, ErrorKind, Result, ResultExt};

/// How often a message is tried, with which pauses and on which errors, before it is parked; and when the listener itself pauses.
///
/// ```
/// use std::time::Duration;
///
/// use chassis::ErrorKind;
/// use chassis::messaging::consumer::{FailureAction, RetryPolicy};
///
/// let policy = RetryPolicy::try_new(1, vec![Duration::from_secs(60)])?.on(ErrorKind::Protocol, FailureAction::Park);
/// assert_eq!(policy.attempts(), 2);
/// assert_eq!(policy.action(ErrorKind::Protocol), FailureAction::Park);
/// assert_eq!(policy.action(ErrorKind::Unavailable), FailureAction::Retry);
/// # Ok::<(), chassis::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    immediate: u32,
    delays: Vec<Duration>,
    on: Vec<(ErrorKind, FailureAction)>,
    pause: PausePolicy,
}

/// A retry policy as settings have it, under `[messaging.retry.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RetrySettings {
    /// Attempts in place, the first included.
    pub immediate: u32,
    /// Pauses such as `"10s"`, each followed by one more attempt.
    #[serde(default)]
    pub delays: Vec<String>,
    /// What is done about errors of which kind, where it is not the default.
    #[serde(default)]
    pub on: FailureActions,
    /// In place of `messaging.pause.after`: after how many failures in a row the listener pauses; 0 is never.
    #[serde(default)]
    pub pause_after: Option<u32>,
}

/// What to do after an attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again in place.
    Now,
    /// Try again after the pause.
    After(Duration),
    /// Give up.
    Park,
    /// Throw it away.
    Discard,
    /// Take nothing more for a while.
    Pause,
}

impl RetryPolicy {
    /// Three attempts in place, then one each after 10 s, 1 min and 10 min: six in all.
    pub fn standard() -> Self {
        let delays = [10, 60, 600].map(Duration::from_secs).to_vec();
        Self { immediate: 3, delays, on: Vec::new(), pause: PausePolicy::never() }
    }

    /// One attempt.
    pub fn none() -> Self {
        Self { immediate: 1, delays: Vec::new(), on: Vec::new(), pause: PausePolicy::never() }
    }

    /// `immediate` attempts in place, then one after each of `delays`.
    ///
    /// # Errors
    /// No attempt at all, or a pause of no time.
    pub fn try_new(immediate: u32, delays: Vec<Duration>) -> Result<Self> {
        let wrong = |what| Err(Error::new(ErrorKind::Config, what));
        if immediate == 0 {
            return wrong("a retry policy needs at least one immediate attempt");
        }
        if delays.iter().any(|delay| delay.as_millis() == 0) {
            return wrong("a retry policy's delays must be at least 1 ms");
        }
        Ok(Self { immediate, delays, ..Self::none() })
    }

    /// The policy called `name`: one of the settings' own, or else `standard` or `none`.
    ///
    /// # Errors
    /// There is none of that name, or it is invalid.
    pub fn named(name: &str, settings: &BTreeMap<String, RetrySettings>) -> Result<Self> {
        if let Some(found) = settings.get(name) {
            return found.policy().map_err(|error| error.context(format!("retry policy `{name}` cannot be used")));
        }
        match name {
            "standard" => Ok(Self::standard()),
            "none" => Ok(Self::none()),
            _ => {
                let own = settings.keys().fold(String::new(), |list, key| list + ", `" + key + "`");
                let message = format!("there is no retry policy `{name}`; there are `standard`, `none`{own}");
                Err(Error::new(ErrorKind::Config, message))
            }
        }
    }

    /// The same policy with another action on errors of `kind`.
    #[must_use]
    pub fn on(mut self, kind: ErrorKind, action: FailureAction) -> Self {
        self.on.retain(|(other, _)| *other != kind);
        self.on.push((kind, action));
        self
    }

    /// The same policy for a listener that pauses itself. Without it, a listener pauses only on errors whose action is
    /// [`FailureAction::Pause`].
    #[must_use]
    pub fn with_pause(mut self, pause: PausePolicy) -> Self {
        self.pause = pause;
        self
    }

    /// The pauses that need a delay queue each.
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// How often a message is tried in all.
    pub fn attempts(&self) -> u32 {
        self.immediate.saturating_add(u32::try_from(self.delays.len()).unwrap_or(u32::MAX))
    }

    /// What is done about errors of `kind`.
    pub fn action(&self, kind: ErrorKind) -> FailureAction {
        let chosen = self.on.iter().find(|(other, _)| *other == kind);
        chosen.map_or_else(|| FailureAction::by_default(kind), |(_, action)| *action)
    }

    /// When the listener itself pauses.
    pub fn pause(&self) -> &PausePolicy {
        &self.pause
    }

    /// What follows when `attempt`, counted from one, has failed with an error of `kind`.
    pub(super) fn after(&self, attempt: u32, kind: ErrorKind) -> Next {
        let in_place = attempt < self.immediate;
        match self.action(kind) {
            FailureAction::Retry if in_place => Next::Now,
            FailureAction::RetryNow if in_place => Next::Now,
            // Where there is no pause to wait for, in place is all there is.
            FailureAction::RetryLater if in_place && self.delays.is_empty() => Next::Now,
            FailureAction::Retry | FailureAction::RetryLater => self.later(attempt),
            FailureAction::RetryNow | FailureAction::Park => Next::Park,
            FailureAction::Discard => Next::Discard,
            FailureAction::Pause => Next::Pause,
        }
    }

    fn later(&self, attempt: u32) -> Next {
        let level = usize::try_from(attempt.saturating_sub(self.immediate)).unwrap_or(usize::MAX);
        self.delays.get(level).map_or(Next::Park, |delay| Next::After(*delay))
    }
}

impl RetrySettings {
    fn policy(&self) -> Result<RetryPolicy> {
        let delays = self.delays.iter().map(|text| {
            humantime::parse_duration(text)
                .context(format!("`{text}` is no duration such as `10s`"))
                .kind(ErrorKind::Config)
        });
        let policy = RetryPolicy::try_new(self.immediate, delays.collect::<Result<_>>()?)?;
        Ok(self.on.chosen().fold(policy, |policy, (kind, action)| policy.on(kind, action)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Next {
        Next::After(Duration::from_secs(seconds))
    }

    fn all(policy: &RetryPolicy, kind: ErrorKind) -> Vec<Next> {
        (1..=policy.attempts()).map(|attempt| policy.after(attempt, kind)).collect()
    }

    #[test]
    fn standard_tries_three_times_at_once_and_three_times_later() {
        let policy = RetryPolicy::standard();
        let expected = [Next::Now, Next::Now, seconds(10), seconds(60), seconds(600), Next::Park];
        assert_eq!(all(&policy, ErrorKind::Unexpected), expected);
        assert_eq!(policy.attempts(), 6);
    }

    #[test]
    fn what_is_overloaded_is_never_tried_again_in_place() {
        let policy = RetryPolicy::standard();
        let expected = [seconds(10), seconds(10), seconds(10), seconds(60), seconds(600), Next::Park];
        assert_eq!(all(&policy, ErrorKind::Overloaded), expected, "as often as anything else");
        let in_place_only = RetryPolicy::try_new(2, Vec::new()).expect("valid");
        assert_eq!(all(&in_place_only, ErrorKind::Overloaded), [Next::Now, Next::Park]);
    }

    #[test]
    fn each_kind_of_error_has_an_action_of_its_own() {
        let policy = RetryPolicy::standard()
            .on(ErrorKind::Protocol, FailureAction::Discard)
            .on(ErrorKind::Decode, FailureAction::RetryNow);
        let first = |kind| policy.after(1, kind);
        assert_eq!(first(ErrorKind::Invalid), Next::Park);
        assert_eq!(first(ErrorKind::CircuitOpen), Next::Pause);
        assert_eq!(first(ErrorKind::Protocol), Next::Discard);
        assert_eq!(all(&policy, ErrorKind::Decode)[..3], [Next::Now, Next::Now, Next::Park]);
        let other = policy.on(ErrorKind::Protocol, FailureAction::Retry);
        assert_eq!(other.after(1, ErrorKind::Protocol), Next::Now, "the last word counts");
    }

    #[test]
    fn an_unknown_policy_is_named_with_those_there_are() {
        let slow = RetrySettings {
            immediate: 1,
            delays: vec!["5ms".to_owned()],
            on: FailureActions { unavailable: Some(FailureAction::Pause), ..FailureActions::default() },
            pause_after: None,
        };
        let own = BTreeMap::from([("slow".to_owned(), slow)]);
        let slow = RetryPolicy::named("slow", &own).expect("its own");
        assert_eq!(slow.delays(), [Duration::from_millis(5)]);
        assert_eq!(slow.action(ErrorKind::Unavailable), FailureAction::Pause);
        let error = RetryPolicy::named("quick", &own).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no retry policy `quick`; there are `standard`, `none`, `slow`");
    }
}

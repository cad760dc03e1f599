//! When a listener pauses itself, and for how long.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::duration;
use crate::{Error, ErrorKind, Result};

/// When a listener pauses itself, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausePolicy {
    after: Option<u32>,
    first: Duration,
    longest: Duration,
}

/// The same as settings have it, under `[messaging.pause]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PauseSettings {
    /// After how many failures in a row a listener takes one message at a time; if that fails too, it pauses. 0 is never.
    pub after: u32,
    /// How long the first pause lasts; each further one is twice as long.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub first: Duration,
    /// How long a pause lasts at most.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub longest: Duration,
}

impl Default for PauseSettings {
    fn default() -> Self {
        Self { after: 10, first: Duration::from_secs(1), longest: Duration::from_secs(300) }
    }
}

impl PausePolicy {
    /// After `after` failures in a row, for `first` at first and never longer than `longest`. No failures are too many where
    /// `after` is 0.
    ///
    /// # Errors
    /// Pauses of no time, or a first that is longer than the longest.
    pub fn try_new(after: u32, first: Duration, longest: Duration) -> Result<Self> {
        let wrong = |what| Err(Error::new(ErrorKind::Config, what));
        if first.is_zero() {
            return wrong("a listener's first pause must be longer than no time");
        }
        if first > longest {
            return wrong("a listener's first pause must not be longer than its longest");
        }
        Ok(Self { after: (after > 0).then_some(after), first, longest })
    }

    /// Pauses only on errors whose action it is.
    pub(super) fn never() -> Self {
        let PauseSettings { first, longest, .. } = PauseSettings::default();
        Self { after: None, first, longest }
    }

    /// How many failures in a row are too many.
    pub fn after(&self) -> Option<u32> {
        self.after
    }

    /// How long the pause lasts that follows `before` others in a row.
    pub(super) fn length(&self, before: u32) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX)).min(self.longest)
    }
}

impl PauseSettings {
    /// The policy, where `after` may stand in for that of the settings.
    ///
    /// # Errors
    /// As [`PausePolicy::try_new`].
    pub fn policy(&self, after: Option<u32>) -> Result<PausePolicy> {
        PausePolicy::try_new(after.unwrap_or(self.after), self.first, self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let policy = PauseSettings::default().policy(None).expect("valid");
        assert_eq!(policy.after(), Some(10));
        let lengths = [0, 1, 2, 8, 9, 40].map(|before| policy.length(before).as_secs());
        assert_eq!(lengths, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn impossible_pauses_are_refused() {
        let policy = |first, longest| PausePolicy::try_new(1, Duration::from_secs(first), Duration::from_secs(longest));
        assert!(policy(0, 1).is_err());
        assert!(policy(2, 1).is_err());
        assert_eq!(PauseSettings::default().policy(Some(0)).expect("valid").after(), None);
    }
}

//! What becomes of a message whose handler failed.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Error, ErrorKind, Result, ResultExt};

/// How often a message is tried, and with which pauses, before it is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    immediate: u32,
    delays: Vec<Duration>,
}

/// A retry policy as settings have it, under `[messaging.retry.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RetrySettings {
    /// Attempts in place, the first included.
    pub immediate: u32,
    /// Pauses such as `"10s"`, each followed by one more attempt.
    #[serde(default)]
    pub delays: Vec<String>,
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
}

impl RetryPolicy {
    /// Three attempts in place, then one each after 10 s, 1 min and 10 min: six in all.
    pub fn standard() -> Self {
        let delays = [10, 60, 600].map(Duration::from_secs).to_vec();
        Self { immediate: 3, delays }
    }

    /// One attempt.
    pub fn none() -> Self {
        Self { immediate: 1, delays: Vec::new() }
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
        Ok(Self { immediate, delays })
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

    /// The pauses that need a delay queue each.
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// How often a message is tried in all.
    pub fn attempts(&self) -> u32 {
        self.immediate.saturating_add(u32::try_from(self.delays.len()).unwrap_or(u32::MAX))
    }

    /// What follows when `attempt`, counted from one, has failed.
    pub(super) fn after(&self, attempt: u32) -> Next {
        if attempt < self.immediate {
            return Next::Now;
        }
        let level = usize::try_from(attempt - self.immediate).unwrap_or(usize::MAX);
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
        RetryPolicy::try_new(self.immediate, delays.collect::<Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_tries_three_times_at_once_and_three_times_later() {
        let policy = RetryPolicy::standard();
        let next: Vec<_> = (1..=6).map(|attempt| policy.after(attempt)).collect();
        let later = [10, 60, 600].map(|seconds| Next::After(Duration::from_secs(seconds)));
        assert_eq!(next, [Next::Now, Next::Now, later[0], later[1], later[2], Next::Park]);
        assert_eq!(policy.attempts(), 6);
    }

    #[test]
    fn an_unknown_policy_is_named_with_those_there_are() {
        let own = BTreeMap::from([("slow".to_owned(), RetrySettings { immediate: 1, delays: vec!["5ms".to_owned()] })]);
        assert_eq!(RetryPolicy::named("slow", &own).expect("its own").delays(), [Duration::from_millis(5)]);
        let error = RetryPolicy::named("quick", &own).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no retry policy `quick`; there are `standard`, `none`, `slow`");
    }
}

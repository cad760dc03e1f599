use std::fmt;

use humantime::format_duration;

use super::ClientSettings;
use crate::client::Timeouts;
use crate::client::address::Address;
use crate::config::Faults;
use crate::resilience::InvalidPolicy;
use crate::resilience::bulkhead::BulkheadPolicy;
use crate::resilience::circuit_breaker::CircuitBreakerPolicy;
use crate::resilience::retry::RetryPolicy;

/// What a client's settings come to, in the form that the layers take.
#[derive(Debug, Clone, Default)]
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "without the feature settings are only checked"))]
pub(in crate::client) struct Policies {
    pub(in crate::client) timeouts: Timeouts,
    pub(in crate::client) retry: RetryPolicy,
    pub(in crate::client) breaker: CircuitBreakerPolicy,
    pub(in crate::client) bulkhead: BulkheadPolicy,
}

impl Policies {
    /// The policies of these settings. Every fault is added, with its key; a policy that has one is the default.
    pub(in crate::client) fn of(settings: &ClientSettings, faults: &mut Faults) -> Self {
        let preset = settings.preset.into();
        let timeouts = settings.timeouts();
        for (key, value) in [("timeout", timeouts.total), ("attempt_timeout", timeouts.attempt)] {
            if value.is_zero() {
                faults.add(key, "must be longer than zero");
            }
        }
        let mut policies = Self { timeouts, ..Self::default() };
        match settings.retry.policy(preset) {
            Ok(policy) => policies.retry = policy,
            Err(invalid) => explain("retry", &invalid, faults),
        }
        match settings.breaker.policy(preset, timeouts.attempt) {
            Ok(policy) => policies.breaker = policy,
            Err(invalid) => explain("breaker", &invalid, faults),
        }
        match settings.bulkhead.policy(preset) {
            Ok(policy) => policies.bulkhead = policy,
            Err(invalid) => explain("bulkhead", &invalid, faults),
        }
        policies.cross_check(settings, faults);
        if let Some(Err(wrong)) = settings.url.as_deref().map(Address::parse) {
            faults.add("url", wrong);
        }
        if settings.compression && !cfg!(feature = "compression") {
            faults.add("compression", "takes the feature `compression`, without which the program was built");
        }
        super::instances::check(settings, faults);
        policies
    }

    /// The rules between the layers: one inside another must have room in it.
    fn cross_check(&self, settings: &ClientSettings, faults: &mut Faults) {
        let Timeouts { total, attempt } = self.timeouts;
        if attempt > total {
            faults.add("attempt_timeout", "must not be longer than `timeout`, which bounds all attempts together");
        } else if attempt == total && self.retry.attempts() > 1 {
            let rule = "must be shorter than `timeout`, or there is no time for another attempt";
            faults.add("attempt_timeout", rule).hint("set `retry.attempts` to 1 if there is to be only one");
        }
        if settings.retry.first_pause.is_some_and(|pause| pause >= total) {
            faults.add("retry.first_pause", "must be shorter than `timeout`");
        }
        if settings.breaker.slow_after.is_some_and(|slow| slow >= attempt) {
            let rule = "must be shorter than `attempt_timeout`: an attempt is cut off before it could be slow";
            faults.add("breaker.slow_after", rule);
        }
        if settings.bulkhead.wait.is_some_and(|wait| wait >= total) {
            faults.add("bulkhead.wait", "must be shorter than `timeout`");
        }
        if settings.bulkhead.wait.is_some() && self.bulkhead.queue().0 == 0 {
            faults.add("bulkhead.wait", "is not applied: nobody may wait unless `waiting` is above zero");
        }
        if settings.breaker.window.is_some() && settings.breaker.window_calls.is_some() {
            faults.add("breaker.window_calls", "cannot be set beside `window`: the rates are taken over one of them");
        }
    }
}

impl fmt::Display for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timeouts { total, attempt } = self.timeouts;
        let budget = self.retry.budget();
        write!(f, "total {}, ", format_duration(total))?;
        match self.retry.attempts() {
            1 => f.write_str("no retry, ")?,
            attempts => {
                let percent = budget.ratio * 100.0;
                write!(f, "{attempts} attempts of which retries at most {percent} % and {}/s, ", budget.floor)?;
            }
        }
        let at_once = self.bulkhead.concurrent();
        write!(f, "breaker {}, at most {at_once} at once, attempt {}", self.breaker, format_duration(attempt))
    }
}

fn explain(layer: &str, invalid: &InvalidPolicy, faults: &mut Faults) {
    for rule in invalid.rules() {
        faults.add(format!("{layer}.{}", rule.setting), rule.rule);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::ClientSettings;
    use crate::config::Config;

    fn read(toml: &str) -> Result<ClientSettings, String> {
        let config = Config::from_toml(&format!("[clients.inventory]\n{toml}")).expect("TOML");
        config.read_at("clients.inventory").map_err(|faults| faults.to_string())
    }

    fn policies(toml: &str) -> Policies {
        let mut faults = Faults::default();
        let policies = Policies::of(&read(toml).expect("settings"), &mut faults);
        assert!(faults.is_empty(), "{faults}");
        policies
    }

    #[test]
    fn nothing_set_is_the_standard() {
        let policies = policies("");
        assert_eq!(policies.timeouts, Timeouts::default());
        assert_eq!((policies.retry, policies.breaker), Default::default());
    }

    #[test]
    fn a_preset_is_what_is_not_set() {
        let policies = policies("preset = 'fast'\nretry.attempts = 4\nbreaker.probes = 2");
        assert_eq!(policies.timeouts.total, Duration::from_millis(500));
        assert_eq!(policies.retry.attempts(), 4);
        assert_eq!(policies.retry.budget().ratio, 0.1);
        assert_eq!(policies.breaker.slow_after(), Duration::from_millis(100));
        let expected = CircuitBreakerPolicy::preset(crate::resilience::Preset::Fast).probes(2).build();
        assert_eq!(Ok(policies.breaker), expected);
    }

    #[test]
    fn every_preset_fits_together() {
        for preset in ["standard", "fast", "batch"] {
            policies(&format!("preset = '{preset}'"));
        }
    }

    #[test]
    fn a_shorter_call_has_shorter_attempts() {
        let policies = policies("timeout = '1s'");
        assert_eq!(policies.timeouts.attempt, Duration::from_millis(750));
        assert_eq!(policies.breaker.slow_after(), Duration::from_millis(500));
        assert_eq!(self::policies("timeout = '1s'\nattempt_timeout = '1s'\nretry.attempts = 1").retry.attempts(), 1);
    }

    #[test]
    fn contradictions_are_all_told_at_once() {
        let report = read(
            "timeout = '1s'\nattempt_timeout = '2s'\nretry.attempts = 0\nretry.first_pause = '3s'\n\
             breaker.failure_rate = 50.0\nbreaker.probes = 0\nbreaker.slow_after = '2s'\n\
             breaker.window = '10s'\nbreaker.window_calls = 10\n\
             bulkhead.concurrent = 0\nbulkhead.wait = '1s'\nbalance.policy = 'round_robin'",
        )
        .unwrap_err();
        for key in [
            "attempt_timeout: must not be longer than `timeout`",
            "retry.attempts: must be at least 1",
            "retry.first_pause: must be shorter than `timeout`",
            "breaker.failure_rate: must be above 0 and at most 1",
            "breaker.probes: must be at least 1",
            "breaker.slow_after: must be shorter than `attempt_timeout`",
            "breaker.window_calls: cannot be set beside `window`",
            "bulkhead.concurrent: must be from 1",
            "bulkhead.wait: must be shorter than `timeout`",
            "bulkhead.wait: is not applied: nobody may wait",
            "balance: is not applied: calls go to the one address",
            "breaker.min_calls: must be at most nine tenths of the window",
        ] {
            assert!(report.contains(&format!("clients.inventory.{key}")), "{key}\n{report}");
        }
        let report = read("timeout = '1s'\nattempt_timeout = '1s'").unwrap_err();
        assert!(report.contains("no time for another attempt") && report.contains("retry.attempts"), "{report}");
    }

    #[test]
    fn what_has_no_sense_by_itself_is_told() {
        let report = read("preset = 'quick'\nretry.attempts = -1\nbreaker.probs = 3").unwrap_err();
        for part in ["clients.inventory.preset", "\"standard\"", "clients.inventory.retry.attempts"] {
            assert!(report.contains(part), "{part}\n{report}");
        }
    }
}

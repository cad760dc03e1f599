use std::fmt;
use std::time::Duration;

use crate::resilience::error::Rules;
use crate::resilience::window::BUCKETS;
use crate::resilience::{InvalidPolicy, Preset};

/// The longest window in time.
const LONGEST: Duration = Duration::from_secs(3600);

/// When a circuit breaker opens, and how it closes again. Made by [`builder`](Self::builder); checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreakerPolicy(pub(super) CircuitBreakerPolicyBuilder);

/// Over which calls the rates are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// The calls of the last so much time. It slides in steps of a tenth.
    Time(Duration),
    /// The last so many calls. It slides in steps of a tenth, and looks back at up to a tenth less.
    Count(u32),
}

/// Makes a [`CircuitBreakerPolicy`].
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct CircuitBreakerPolicyBuilder {
    pub(super) window: WindowKind,
    pub(super) min_calls: u32,
    pub(super) failure_rate: f64,
    pub(super) slow_rate: f64,
    pub(super) slow_after: Duration,
    pub(super) open_for: Duration,
    pub(super) open_growth: f64,
    pub(super) open_at_most: Duration,
    pub(super) probes: u32,
    pub(super) probe_wait: Duration,
}

impl CircuitBreakerPolicy {
    /// A builder with the settings of [`Preset::Standard`].
    pub fn builder() -> CircuitBreakerPolicyBuilder {
        Self::preset(Preset::Standard)
    }

    /// A builder with the settings of a preset.
    ///
    /// | | standard | fast | batch |
    /// |---|---|---|---|
    /// | window | 10 s | 5 s | 60 s |
    /// | calls at least | 20 | 20 | 5 |
    /// | failures | 50 % | 50 % | 50 % |
    /// | slow calls | 80 % over 1 s | 80 % over 100 ms | 100 % over 5 min |
    /// | open for | 5 s | 1 s | 30 s |
    /// | probes | 5 | 5 | 1 |
    pub fn preset(preset: Preset) -> CircuitBreakerPolicyBuilder {
        let standard = CircuitBreakerPolicyBuilder {
            window: WindowKind::Time(Duration::from_secs(10)),
            min_calls: 20,
            failure_rate: 0.5,
            slow_rate: 0.8,
            slow_after: Duration::from_secs(1),
            open_for: Duration::from_secs(5),
            open_growth: 1.0,
            open_at_most: Duration::from_secs(60),
            probes: 5,
            probe_wait: Duration::from_secs(10),
        };
        match preset {
            Preset::Standard => standard,
            Preset::Fast => CircuitBreakerPolicyBuilder {
                window: WindowKind::Time(Duration::from_secs(5)),
                slow_after: Duration::from_millis(100),
                open_for: Duration::from_secs(1),
                probe_wait: Duration::from_secs(1),
                ..standard
            },
            Preset::Batch => CircuitBreakerPolicyBuilder {
                window: WindowKind::Time(Duration::from_secs(60)),
                min_calls: 5,
                slow_rate: 1.0,
                slow_after: Duration::from_secs(300),
                open_for: Duration::from_secs(30),
                open_at_most: Duration::from_secs(300),
                probes: 1,
                probe_wait: Duration::from_secs(600),
                ..standard
            },
        }
    }

    /// Over which calls the rates are taken.
    pub fn window(&self) -> WindowKind {
        self.0.window
    }

    /// How many calls the window must hold before it says anything.
    pub fn min_calls(&self) -> u32 {
        self.0.min_calls
    }

    /// The part of the calls that must fail.
    pub fn failure_rate(&self) -> f64 {
        self.0.failure_rate
    }

    /// How long the circuit stays open, at first.
    pub fn open_for(&self) -> Duration {
        self.0.open_for
    }

    /// How many calls pass as probes, and how long they are waited for.
    pub fn probes(&self) -> (u32, Duration) {
        (self.0.probes, self.0.probe_wait)
    }

    /// From how long on a call is slow.
    pub fn slow_after(&self) -> Duration {
        self.0.slow_after
    }

    /// The part of the calls that must be slow.
    pub fn slow_rate(&self) -> f64 {
        self.0.slow_rate
    }

    /// By which factor the open time grows, and up to what.
    pub fn open_growth(&self) -> (f64, Duration) {
        (self.0.open_growth, self.0.open_at_most)
    }

    /// How long the circuit stays open when it has opened so many times (from 1) without having closed between.
    pub(super) fn open_time(&self, trips: u32) -> Duration {
        let CircuitBreakerPolicyBuilder { open_for, open_growth, open_at_most, .. } = &self.0;
        let exponent = i32::try_from(trips.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = open_for.as_secs_f64() * open_growth.powi(exponent);
        // A time that is set to be longer than the bound on its growth does not grow.
        let bound = *open_at_most.max(open_for);
        Duration::try_from_secs_f64(seconds).map_or(bound, |time| time.min(bound))
    }
}

impl fmt::Display for CircuitBreakerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CircuitBreakerPolicyBuilder { window, min_calls, failure_rate, slow_rate, slow_after, open_for, .. } =
            &self.0;
        write!(f, "at {} % failures or {} % slower than {slow_after:?}", failure_rate * 100.0, slow_rate * 100.0)?;
        match window {
            WindowKind::Time(window) => write!(f, " of at least {min_calls} calls in {window:?}")?,
            WindowKind::Count(calls) => write!(f, " of at least {min_calls} calls in the last {calls}")?,
        }
        write!(f, " for {open_for:?}")
    }
}

impl Default for CircuitBreakerPolicy {
    fn default() -> Self {
        Self(Self::builder())
    }
}

impl CircuitBreakerPolicyBuilder {
    /// Takes the rates over the calls of the last `window`; 10 ms to an hour.
    pub fn time_window(self, window: Duration) -> Self {
        Self { window: WindowKind::Time(window), ..self }
    }

    /// Takes the rates over the last `calls` calls.
    pub fn count_window(self, calls: u32) -> Self {
        Self { window: WindowKind::Count(calls), ..self }
    }

    /// How many calls the window must hold before it says anything.
    pub fn min_calls(self, calls: u32) -> Self {
        Self { min_calls: calls, ..self }
    }

    /// Opens when this part of the calls failed; above 0, at most 1.
    pub fn failure_rate(self, rate: f64) -> Self {
        Self { failure_rate: rate, ..self }
    }

    /// Opens when this part of the calls took `after` or longer; above 0, at most 1.
    pub fn slow_calls(self, rate: f64, after: Duration) -> Self {
        Self { slow_rate: rate, slow_after: after, ..self }
    }

    /// How long it stays open before it lets probes through.
    pub fn open_for(self, time: Duration) -> Self {
        Self { open_for: time, ..self }
    }

    /// Has the open time grow by `factor` with each time that the probes fail, up to `at_most`. A factor of 1, which is the
    /// default, leaves it as it is.
    pub fn open_growth(self, factor: f64, at_most: Duration) -> Self {
        Self { open_growth: factor, open_at_most: at_most, ..self }
    }

    /// How many calls are let through half-open, whose results close the circuit or open it again.
    pub fn probes(self, calls: u32) -> Self {
        Self { probes: calls, ..self }
    }

    /// How long probes that are all on their way are waited for. Without any result for so long it opens again.
    pub fn probe_wait(self, wait: Duration) -> Self {
        Self { probe_wait: wait, ..self }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Every rule that they break.
    ///
    /// ```
    /// use chassis::resilience::circuit_breaker::CircuitBreakerPolicy;
    ///
    /// let wrong = CircuitBreakerPolicy::builder().failure_rate(50.0).probes(0).build();
    /// let text = wrong.unwrap_err().to_string();
    /// assert_eq!(text, "`failure_rate` must be above 0 and at most 1; `probes` must be at least 1");
    /// ```
    pub fn build(self) -> Result<CircuitBreakerPolicy, InvalidPolicy> {
        let is_rate = |rate: f64| rate > 0.0 && rate <= 1.0;
        let mut rules = Rules::default();
        match self.window {
            WindowKind::Time(window) => {
                let fits = (Duration::from_millis(BUCKETS)..=LONGEST).contains(&window);
                rules.check(fits, "window", "must be from 10 ms to 1 h");
            }
            WindowKind::Count(calls) => {
                rules.check(calls > 0, "window", "must be at least 1 call");
                let kept = u64::from(calls) - u64::from(calls) / BUCKETS;
                let enough = u64::from(self.min_calls) <= kept.max(1);
                rules.check(
                    enough,
                    "min_calls",
                    "must be at most nine tenths of the window, or it never says anything",
                );
            }
        }
        rules.check(self.min_calls > 0, "min_calls", "must be at least 1");
        rules.check(is_rate(self.failure_rate), "failure_rate", "must be above 0 and at most 1");
        rules.check(is_rate(self.slow_rate), "slow_rate", "must be above 0 and at most 1");
        rules.check(!self.slow_after.is_zero(), "slow_after", "must be longer than zero");
        rules.check(!self.open_for.is_zero(), "open_for", "must be longer than zero");
        rules.check(self.open_growth >= 1.0 && self.open_growth.is_finite(), "open_growth", "must be at least 1");
        rules.check(self.probes > 0, "probes", "must be at least 1");
        rules.check(!self.probe_wait.is_zero(), "probe_wait", "must be longer than zero");
        rules.or(CircuitBreakerPolicy(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_policies() {
        for preset in [Preset::Standard, Preset::Fast, Preset::Batch] {
            assert!(CircuitBreakerPolicy::preset(preset).build().is_ok(), "{preset:?}");
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let broken = CircuitBreakerPolicy::builder()
            .count_window(10)
            .min_calls(11)
            .failure_rate(f64::NAN)
            .slow_calls(1.1, Duration::ZERO)
            .open_for(Duration::ZERO)
            .open_growth(0.5, Duration::ZERO)
            .probes(0)
            .probe_wait(Duration::ZERO)
            .build()
            .unwrap_err();
        let settings: Vec<&str> = broken.rules().iter().map(|rule| rule.setting).collect();
        let expected =
            ["min_calls", "failure_rate", "slow_rate", "slow_after", "open_for", "open_growth", "probes", "probe_wait"];
        assert_eq!(settings, expected);
        for window in [Duration::ZERO, Duration::from_secs(3601)] {
            let broken = CircuitBreakerPolicy::builder().time_window(window).build().unwrap_err();
            assert_eq!(broken.to_string(), "`window` must be from 10 ms to 1 h");
        }
    }

    #[test]
    fn the_open_time_grows_up_to_its_bound() {
        let policy = CircuitBreakerPolicy::builder().open_growth(2.0, Duration::from_secs(30)).build().unwrap();
        let times: Vec<u64> = [1, 2, 3, 4, u32::MAX].map(|trips| policy.open_time(trips).as_secs()).to_vec();
        assert_eq!(times, [5, 10, 20, 30, 30]);
    }
}

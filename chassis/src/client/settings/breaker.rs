use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::resilience::circuit_breaker::CircuitBreakerPolicy;
use crate::resilience::{InvalidPolicy, Preset};

/// When calls are refused for a while: `[clients.NAME.breaker]`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BreakerSettings {
    /// How it begins; an operator can change it at run time.
    pub mode: BreakerMode,
    /// Over how long the rates are taken: 10 s, fast 5 s, batch 1 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub window: Option<Duration>,
    /// Over how many calls the rates are taken, in place of `window`.
    pub window_calls: Option<u32>,
    /// How many calls the window must hold before it says anything: 20, batch 5.
    pub min_calls: Option<u32>,
    /// Which part of the calls must fail: 0.5.
    pub failure_rate: Option<f64>,
    /// Which part of the calls must be slow: 0.8, batch 1.
    pub slow_rate: Option<f64>,
    /// From how long on a call is slow: 1 s, fast 100 ms, batch 5 min, and at most two thirds of `attempt_timeout`.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub slow_after: Option<Duration>,
    /// How long it stays open: 5 s, fast 1 s, batch 30 s.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub open_for: Option<Duration>,
    /// By which factor that grows each time the probes fail: 1.
    pub open_growth: Option<f64>,
    /// Up to how long it grows: 1 min, batch 5 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub open_at_most: Option<Duration>,
    /// How many calls pass as probes: 5, batch 1.
    pub probes: Option<u32>,
    /// How long probes are waited for: 10 s, fast 1 s, batch 10 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub probe_wait: Option<Duration>,
}

/// How a breaker begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerMode {
    /// It opens and closes by what it counts.
    #[default]
    Automatic,
    /// It refuses every call.
    ForcedOpen,
    /// It lets every call pass.
    Disabled,
}

impl BreakerMode {
    /// Its name in the configuration.
    #[cfg(feature = "client")]
    pub(in crate::client) fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
        }
    }
}

impl BreakerSettings {
    pub(super) fn policy(&self, preset: Preset, attempt: Duration) -> Result<CircuitBreakerPolicy, InvalidPolicy> {
        let base = CircuitBreakerPolicy::preset(preset);
        let standing = base.clone().build()?;
        let slow_after = self.slow_after.unwrap_or_else(|| standing.slow_after().min(attempt * 2 / 3));
        let mut builder = base.slow_calls(self.slow_rate.unwrap_or_else(|| standing.slow_rate()), slow_after);
        if let Some(window) = self.window {
            builder = builder.time_window(window);
        }
        if let Some(calls) = self.window_calls {
            builder = builder.count_window(calls);
        }
        if let Some(calls) = self.min_calls {
            builder = builder.min_calls(calls);
        }
        if let Some(rate) = self.failure_rate {
            builder = builder.failure_rate(rate);
        }
        if let Some(time) = self.open_for {
            builder = builder.open_for(time);
        }
        if self.open_growth.is_some() || self.open_at_most.is_some() {
            let (factor, longest) = standing.open_growth();
            builder = builder.open_growth(self.open_growth.unwrap_or(factor), self.open_at_most.unwrap_or(longest));
        }
        if let Some(probes) = self.probes {
            builder = builder.probes(probes);
        }
        if let Some(wait) = self.probe_wait {
            builder = builder.probe_wait(wait);
        }
        builder.build()
    }
}

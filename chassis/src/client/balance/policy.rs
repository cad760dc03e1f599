//! What can be configured of the balancing.

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::config::Faults;

/// How calls are spread over the instances of a service: `[clients.NAME.balance]`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BalanceSettings {
    /// By which rule.
    pub policy: Balance,
    /// The zone that this process runs in; instances of the same zone are preferred as long as one of them is well.
    pub zone: Option<String>,
    /// Over how long an instance that has just come, or come back, grows into its share.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub slow_start: Duration,
    /// When an instance is left out.
    pub outlier: OutlierSettings,
}

/// By which rule an instance is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The one of lower load of two that chance picks; load is latency times calls under way.
    #[default]
    P2c,
    /// One after the other.
    RoundRobin,
}

/// When an instance is left out because it keeps failing: `[clients.NAME.balance.outlier]`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OutlierSettings {
    /// After how many failures in a row; zero is never.
    pub consecutive_failures: u32,
    /// For how long at first; twice as long each time it happens again.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub ejection_time: Duration,
    /// For how long at most.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub longest_ejection: Duration,
    /// Which share of the instances at most; beyond it one that fails stays.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_ejected: f64,
}

impl Balance {
    /// Its name in the configuration.
    #[cfg(feature = "client")]
    pub(in crate::client) fn as_str(self) -> &'static str {
        match self {
            Self::P2c => "p2c",
            Self::RoundRobin => "round_robin",
        }
    }
}

impl Default for BalanceSettings {
    fn default() -> Self {
        Self {
            policy: Balance::default(),
            zone: None,
            slow_start: Duration::from_secs(10),
            outlier: OutlierSettings::default(),
        }
    }
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            ejection_time: Duration::from_secs(5),
            longest_ejection: Duration::from_secs(5 * 60),
            max_ejected: 0.5,
        }
    }
}

impl BalanceSettings {
    pub(in crate::client) fn validate(&self, faults: &mut Faults) {
        let outlier = &self.outlier;
        if !(0.0..=1.0).contains(&outlier.max_ejected) {
            faults.add("balance.outlier.max_ejected", "must be a share from 0 to 1");
        }
        if outlier.ejection_time.is_zero() {
            let fault = faults.add("balance.outlier.ejection_time", "must be longer than zero");
            fault.hint("set `consecutive_failures` to zero to leave nothing out");
        }
        if outlier.longest_ejection < outlier.ejection_time {
            faults.add("balance.outlier.longest_ejection", "must not be shorter than `ejection_time`");
        }
    }
}

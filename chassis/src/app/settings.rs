//! What can be configured of start and end.

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::config::Settings;

/// Start and end of the process: `[lifecycle]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LifecycleSettings {
    /// How long the listeners go on serving after readiness was withdrawn, so that load balancers notice. The profile
    /// `development` sets it to zero unless it is given.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub drain_delay: Option<Duration>,
    /// How long work in flight may take to finish after that.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub drain_deadline: Duration,
    /// How long each service may take to start.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub start_deadline: Duration,
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self { drain_delay: None, drain_deadline: Duration::from_secs(20), start_deadline: Duration::from_secs(60) }
    }
}

impl LifecycleSettings {
    /// The delay that holds for a profile.
    pub(crate) fn drain_delay(&self, profile: &str) -> Duration {
        let default = if profile == "development" { Duration::ZERO } else { Duration::from_secs(5) };
        self.drain_delay.unwrap_or(default)
    }
}

impl Settings for LifecycleSettings {
    const SECTION: &'static str = "lifecycle";
}

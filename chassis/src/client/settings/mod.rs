//! What can be configured of one client.

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use super::Timeouts;
use crate::config::{Faults, Settings};

/// How another service is called: `[clients.NAME]`, NAME being that of the contract.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClientSettings {
    /// Where the service is, such as `http://inventory:8080`. Not needed where it runs in the same process.
    pub url: Option<String>,
    /// How long a call may take in all.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub timeout: Duration,
    /// How long one attempt may take.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub attempt_timeout: Duration,
    /// How long it may take to connect.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub idle_timeout: Duration,
    /// The largest answer that is taken, in bytes.
    #[schemars(range(min = 1024))]
    pub response_limit: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Self {
            url: None,
            timeout: timeouts.total,
            attempt_timeout: timeouts.attempt,
            connect_timeout: Duration::from_secs(1),
            // Shorter than what servers commonly keep, so that it is not they who close first.
            idle_timeout: Duration::from_secs(50),
            response_limit: 8 * 1024 * 1024,
        }
    }
}

impl ClientSettings {
    /// Its time limits.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { total: self.timeout, attempt: self.attempt_timeout }
    }
}

impl Settings for ClientSettings {
    const SECTION: &'static str = "clients";

    fn validate(&self, faults: &mut Faults) {
        if self.attempt_timeout > self.timeout {
            faults.add("attempt_timeout", "must not be longer than `timeout`, which bounds all attempts together");
        }
        for (key, value) in [("timeout", self.timeout), ("attempt_timeout", self.attempt_timeout)] {
            if value.is_zero() {
                faults.add(key, "must be longer than zero");
            }
        }
    }
}

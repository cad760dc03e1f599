//! What can be configured of one client.

mod breaker;
mod bulkhead;
mod http_version;
mod instances;
mod policies;
mod retry;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

pub use breaker::{BreakerMode, BreakerSettings};
pub use bulkhead::BulkheadSettings;
pub use http_version::HttpVersion;
pub use instances::Resolve;
pub(super) use policies::Policies;
pub use retry::{BudgetSettings, RetrySettings};

use super::Timeouts;
use super::balance::BalanceSettings;
use crate::config::{Faults, Settings};
use crate::resilience::Preset;

/// How another service is called: `[clients.NAME]`, NAME being that of the contract.
///
/// What is not set is as the preset has it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClientSettings {
    /// Where the service is, such as `http://inventory:8080`. Not needed where it runs in the same process.
    pub url: Option<String>,
    /// What kind of calls these are: `standard`, `fast` or `batch`.
    pub preset: ClientPreset,
    /// How long a call may take in all: 5 s, fast 500 ms, batch 15 min.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub timeout: Option<Duration>,
    /// How long one attempt may take: 1.5 s, fast 200 ms, batch 5 min, and at most three quarters of `timeout`.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub attempt_timeout: Option<Duration>,
    /// How long it may take to connect.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub idle_timeout: Duration,
    /// The largest answer that is taken, in bytes; of a compressed one, what it is when it is not.
    #[schemars(range(min = 1024))]
    pub response_limit: usize,
    /// Whether answers may come compressed (gzip). Needs the feature `compression`.
    pub compression: bool,
    /// Which HTTP is spoken: `auto`, `"1.1"` or `"2"`.
    pub http_version: HttpVersion,
    /// How the host in `url` becomes addresses: `system`, `dns` or `srv`.
    pub resolve: Resolve,
    /// The addresses of its instances, such as `["10.0.0.1:8080", "10.0.0.2:8080"]`, where no name leads to them. `url` then
    /// says how they are called.
    pub endpoints: Vec<String>,
    /// A JSON file with the addresses of its instances, which something else keeps up to date.
    pub endpoints_file: Option<PathBuf>,
    /// The DNS servers to ask instead of the system's, such as `["10.0.0.2:53"]`.
    pub name_servers: Vec<String>,
    /// How calls are spread over the instances.
    pub balance: BalanceSettings,
    /// When a call is tried again.
    pub retry: RetrySettings,
    /// When calls are refused for a while.
    pub breaker: BreakerSettings,
    /// How many calls may be under way at once.
    pub bulkhead: BulkheadSettings,
}

/// What kind of calls a client makes, as it stands in the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientPreset {
    /// Calls that a user waits for.
    #[default]
    Standard,
    /// Calls that are answered within some milliseconds or not at all.
    Fast,
    /// Calls that work long and that nobody waits for.
    Batch,
}

impl ClientPreset {
    /// Its name in the configuration.
    #[cfg(feature = "client")]
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Fast => "fast",
            Self::Batch => "batch",
        }
    }
}

impl From<ClientPreset> for Preset {
    fn from(preset: ClientPreset) -> Self {
        match preset {
            ClientPreset::Standard => Self::Standard,
            ClientPreset::Fast => Self::Fast,
            ClientPreset::Batch => Self::Batch,
        }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            url: None,
            preset: ClientPreset::default(),
            timeout: None,
            attempt_timeout: None,
            connect_timeout: Duration::from_secs(1),
            // Shorter than what servers commonly keep, so that it is not they who close first.
            idle_timeout: Duration::from_secs(50),
            response_limit: 8 * 1024 * 1024,
            compression: false,
            http_version: HttpVersion::default(),
            resolve: Resolve::default(),
            endpoints: Vec::new(),
            endpoints_file: None,
            name_servers: Vec::new(),
            balance: BalanceSettings::default(),
            retry: RetrySettings::default(),
            breaker: BreakerSettings::default(),
            bulkhead: BulkheadSettings::default(),
        }
    }
}

impl ClientSettings {
    /// Whether it is here that the instances are found.
    pub(super) fn finds_instances(&self) -> bool {
        self.resolve != Resolve::System || !self.endpoints.is_empty() || self.endpoints_file.is_some()
    }

    /// Its time limits.
    pub fn timeouts(&self) -> Timeouts {
        let preset = Timeouts::preset(self.preset.into());
        let total = self.timeout.unwrap_or(preset.total);
        let attempt = self.attempt_timeout.unwrap_or_else(|| preset.attempt.min(total * 3 / 4));
        Timeouts { total, attempt }
    }
}

impl Settings for ClientSettings {
    const SECTION: &'static str = "clients";

    fn validate(&self, faults: &mut Faults) {
        Policies::of(self, faults);
    }
}

//! What can be configured of the two listeners.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::config::{Faults, Secret, Settings};
use crate::resilience::InvalidPolicy;
use crate::resilience::adaptive::AdaptiveLimitPolicy;

/// The public listener: `[http]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The largest body that is taken, in bytes.
    pub body_limit: usize,
    /// The largest head of a request that is taken, in bytes; at least 8,192.
    #[schemars(range(min = 8192))]
    pub header_limit: usize,
    /// How long a client may take to send its headers.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub header_timeout: Duration,
    /// The deadline of a request that brings none.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub deadline: Duration,
    /// How many requests of one route are let in at the same time.
    pub limit: LimitSettings,
}

/// How many requests of one route are let in at the same time: `[http.limit]`. The limit of each route follows how long its
/// requests take; what is beyond it is answered 503 at once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LimitSettings {
    /// Whether there is a limit.
    pub enabled: bool,
    /// The limit at first.
    pub initial: u32,
    /// The lowest limit.
    pub min: u32,
    /// The highest limit.
    pub max: u32,
    /// How many times as long as without load a request may take before fewer are let in.
    pub tolerance: f64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { enabled: true, initial: 1000, min: 50, max: 10_000, tolerance: 2.0 }
    }
}

impl LimitSettings {
    /// The policy of each route, unless every request is to be let in.
    pub(super) fn policy(&self) -> Result<Option<AdaptiveLimitPolicy>, InvalidPolicy> {
        let policy = AdaptiveLimitPolicy::builder().limits(self.initial, self.min, self.max).tolerance(self.tolerance);
        self.enabled.then(|| policy.build()).transpose()
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            body_limit: 2 * 1024 * 1024,
            header_limit: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            limit: LimitSettings::default(),
        }
    }
}

impl Settings for HttpSettings {
    const SECTION: &'static str = "http";

    fn validate(&self, faults: &mut Faults) {
        if let Err(invalid) = self.limit.policy() {
            for rule in invalid.rules() {
                faults.add(format!("limit.{}", rule.setting), rule.rule);
            }
        }
    }
}

/// The management listener: `[management]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManagementSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Opens `/admin` outside the profile `development`, and is asked for by everything that changes something or shows details.
    pub token: Option<Secret<String>>,
    /// Host names under which `/admin` may be reached, besides IP addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Where a trace is shown, such as `https://jaeger.example/trace/{trace_id}`; dead letters are shown with it.
    pub trace_url: Option<String>,
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 9090)), token: None, hosts: Vec::new(), trace_url: None }
    }
}

impl Settings for ManagementSettings {
    const SECTION: &'static str = "management";
}

//! What can be configured of the two listeners.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use super::overrides::{NO_ROOM, NO_TIME, RouteSettings};
use crate::config::{Faults, Secret, Settings};
use crate::resilience::InvalidPolicy;
use crate::resilience::adaptive::AdaptiveLimitPolicy;

/// The public listener: `[http]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The largest body that is taken: a number of bytes, or text such as `"10 MiB"`.
    #[serde(with = "crate::config::size")]
    #[schemars(schema_with = "crate::config::size::schema")]
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
    /// What is different for single routes, by their names.
    pub routes: BTreeMap<String, RouteSettings>,
}

/// How many requests of one route are let in at the same time: `[http.limit]`. The limit of each route follows how long its
/// requests take; what is beyond it is answered 503 at once. All routes of the service together have room for twice as many as
/// one, where it matters how much a request matters.
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
    /// The policy of each route that follows how long its requests take.
    pub(super) fn policy(&self) -> Result<AdaptiveLimitPolicy, InvalidPolicy> {
        AdaptiveLimitPolicy::builder().limits(self.initial, self.min, self.max).tolerance(self.tolerance).build()
    }

    /// The policy of all routes together: twice the room of one, so that one that hangs leaves half of it to the others.
    pub(super) fn shared(&self) -> Result<Option<AdaptiveLimitPolicy>, InvalidPolicy> {
        let [initial, min, max] = [self.initial, self.min, self.max].map(|bound| bound.saturating_mul(2));
        let policy = AdaptiveLimitPolicy::builder().limits(initial, min, max).tolerance(self.tolerance);
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
            routes: BTreeMap::new(),
        }
    }
}

impl Settings for HttpSettings {
    const SECTION: &'static str = "http";

    fn validate(&self, faults: &mut Faults) {
        if self.body_limit == 0 {
            faults.add("body_limit", NO_ROOM);
        }
        for (key, time) in [("deadline", self.deadline), ("header_timeout", self.header_timeout)] {
            if time.is_zero() {
                faults.add(key, NO_TIME);
            }
        }
        for (name, route) in &self.routes {
            route.read(&format!("routes.{name}"), faults);
        }
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

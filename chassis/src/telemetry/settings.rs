use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::log::filter;
use crate::config::{Faults, Secret, Settings, duration};

/// The section `[telemetry]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct TelemetrySettings {
    /// What is logged: a level, or a list such as `info,sqlx=warn,orders::stock=debug`. The variable `RUST_LOG` sets it too.
    /// lapin is off unless it is named: it writes whole messages and user names, and what it says the driver says too.
    pub log: String,
    /// How log lines look.
    pub format: LogFormat,
    /// The share of new traces that are recorded, from 0 to 1. Unset, it is 0.1 in production and 1 elsewhere. Failed
    /// requests and deliveries are seen at any ratio.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sampling: Option<f64>,
    /// Where traces and metrics are sent.
    pub otlp: OtlpSettings,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// `pretty` on a terminal, `json` otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// For machines: one object per line.
    Json,
}

/// The section `[telemetry.otlp]`: export over OTLP/HTTP with protobuf.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct OtlpSettings {
    /// The collector's base URL, to which `/v1/traces` and `/v1/metrics` are appended; nothing is sent without one. The
    /// variable `OTEL_EXPORTER_OTLP_ENDPOINT` sets it too.
    pub endpoint: Option<String>,
    /// Headers of every export, for collectors that want a token.
    pub headers: BTreeMap<String, Secret<String>>,
    /// How long one export may take.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub timeout: Duration,
    /// How long a finished span waits at most until it is sent.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub span_interval: Duration,
    /// How often metrics are sent.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub metric_interval: Duration,
    /// How many finished spans may wait; more are dropped and counted.
    #[schemars(range(min = 1))]
    pub queue: u32,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log: "info".to_owned(), format: LogFormat::Auto, sampling: None, otlp: OtlpSettings::default() }
    }
}

impl Default for OtlpSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(10),
            span_interval: Duration::from_secs(1),
            metric_interval: Duration::from_secs(15),
            queue: 8192,
        }
    }
}

impl TelemetrySettings {
    /// The share of new traces that are recorded under this profile.
    pub fn sampling_for(&self, profile: &str) -> f64 {
        self.sampling.unwrap_or(if profile == "production" { 0.1 } else { 1.0 })
    }
}

impl Settings for TelemetrySettings {
    const SECTION: &'static str = "telemetry";

    fn validate(&self, faults: &mut Faults) {
        if let Err(error) = filter::parse(&self.log) {
            faults.add("log", format!("is no log filter: {error}")).hint("for example \"info\" or \"info,sqlx=warn\"");
        }
        if let Some(endpoint) = &self.otlp.endpoint {
            let uri = endpoint.parse::<http::Uri>().ok();
            let web = |uri: &http::Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
            if !uri.as_ref().is_some_and(web) {
                let hint = "for example \"http://collector:4318\"";
                faults.add("otlp.endpoint", "must be a URL that begins with http:// or https://").hint(hint);
            } else if cfg!(not(feature = "otlp")) {
                let hint = "build with the feature `otlp` of chassis";
                faults.add("otlp.endpoint", "this program was built without OTLP export").hint(hint);
            }
        }
        for (name, value) in &self.otlp.headers {
            let valid = http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value.expose()).is_ok();
            if !valid {
                faults.add(format!("otlp.headers.{name}"), "is no valid header");
            }
        }
        for (key, interval) in [
            ("otlp.timeout", self.otlp.timeout),
            ("otlp.span_interval", self.otlp.span_interval),
            ("otlp.metric_interval", self.otlp.metric_interval),
        ] {
            if interval.is_zero() {
                faults.add(key, "must be more than nothing");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_defaults_are_right() {
        let config = Config::from_toml("").expect("it is TOML");
        let settings = config.read::<TelemetrySettings>().expect("nothing is required");
        assert_eq!((settings.sampling_for("production"), settings.sampling_for("development")), (0.1, 1.0));
    }

    #[test]
    fn every_rule_has_its_fault() {
        let toml = "[telemetry]\nlog = 'a=b=c'\n[telemetry.otlp]\nendpoint = 'collector:4318'\ntimeout = '0s'\n\
                    [telemetry.otlp.headers]\n'a b' = 'c'";
        let faults =
            Config::from_toml(toml).expect("it is TOML").read::<TelemetrySettings>().expect_err("all is wrong");
        let keys = faults.iter().map(|fault| fault.key.as_str()).collect::<Vec<_>>();
        let expected =
            ["telemetry.log", "telemetry.otlp.endpoint", "telemetry.otlp.headers.a b", "telemetry.otlp.timeout"];
        assert_eq!(keys, expected);
    }
}

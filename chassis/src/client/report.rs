//! Which policies a client has: every setting with its value, and where that comes from.

use humantime::format_duration;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Duration;

use super::settings::Policies;
use super::{ClientSettings, Timeouts};
use crate::config::Config;
use crate::resilience::circuit_breaker::WindowKind;

/// One setting of a client that is in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Active {
    /// Such as `retry`.
    pub(crate) policy: &'static str,
    /// Its key within the policy.
    pub(crate) setting: &'static str,
    pub(crate) value: Value,
    /// Where the value comes from: a place of the configuration, `default`, the preset, or the setting that it follows.
    pub(crate) origin: String,
    #[serde(skip)]
    is_set: bool,
}

/// Where a client's settings come from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    /// `None` where a program has made the settings by itself.
    pub(super) config: Option<&'a Config>,
    /// The client's name.
    pub(super) name: &'a str,
}

/// The settings of a client that are in force, in the order in which a call meets the policies.
pub(super) fn of(settings: &ClientSettings, policies: &Policies, sources: Sources<'_>) -> Vec<Active> {
    let preset = ClientSettings { preset: settings.preset, ..ClientSettings::default() };
    let standing = values(&preset, &Policies::of(&preset, &mut crate::config::Faults::default()));
    let active = values(settings, policies).into_iter().map(|(policy, setting, value)| {
        let is_standing = standing.iter().any(|other| *other == (policy, setting, value.clone()));
        let found = sources.origin(policy, setting);
        let origin = match &found {
            Some(origin) => origin.clone(),
            None if is_standing => sources.of_preset(settings, policy),
            None => sources.unset(policy, setting),
        };
        Active { policy, setting, value, origin, is_set: found.is_some() }
    });
    active.collect()
}

/// Those that somebody has set, on one line.
pub(super) fn set(active: &[Active]) -> String {
    let set = active.iter().filter(|active| active.is_set).map(|Active { policy, setting, value, origin, .. }| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={value} ({origin})", key(policy, setting))
    });
    set.collect::<Vec<_>>().join(", ")
}

impl Sources<'_> {
    /// Where it was set.
    fn origin(&self, policy: &str, setting: &str) -> Option<String> {
        let path = format!("clients.{}.{}", self.name, key(policy, setting));
        self.config?.origin(&path).map(|origin| origin.to_string())
    }

    /// Where what nobody has set comes from, being what the preset has.
    fn of_preset(&self, settings: &ClientSettings, policy: &str) -> String {
        let has_preset = ["timeout", "retry", "breaker", "bulkhead"].contains(&policy);
        match self.origin("", "preset").filter(|_| has_preset) {
            Some(origin) => format!("preset {} ({origin})", settings.preset.as_str()),
            None => "default".to_owned(),
        }
    }

    /// Where what nobody has set comes from, not being what the preset has.
    fn unset(&self, policy: &str, setting: &str) -> String {
        let follows = match (policy, setting) {
            _ if self.config.is_none() => return "program".to_owned(),
            ("timeout", _) => "timeout",
            ("breaker", _) => "attempt_timeout",
            ("retry", "first_pause") => "retry.longest_pause",
            ("retry", _) => "retry.first_pause",
            _ => return "default".to_owned(),
        };
        format!("follows `{follows}`")
    }
}

/// The key below the client's own.
fn key(policy: &str, setting: &str) -> String {
    match policy {
        "" | "timeout" | "connection" => setting.to_owned(),
        _ => format!("{policy}.{setting}"),
    }
}

type Row = (&'static str, &'static str, Value);

fn values(settings: &ClientSettings, policies: &Policies) -> Vec<Row> {
    let time = |time: Duration| json!(format_duration(time).to_string());
    let Timeouts { total, attempt } = policies.timeouts;
    let mut all = vec![("timeout", "timeout", time(total)), ("timeout", "attempt_timeout", time(attempt))];

    let (first, longest) = policies.retry.pauses();
    let budget = policies.retry.budget();
    all.push(("retry", "attempts", json!(policies.retry.attempts())));
    if policies.retry.attempts() > 1 {
        all.extend([
            ("retry", "first_pause", time(first)),
            ("retry", "longest_pause", time(longest)),
            ("retry", "retry_after_at_most", time(policies.retry.retry_after_at_most())),
            ("retry", "body_limit", json!(settings.retry.body_limit)),
            ("retry", "budget.ratio", json!(budget.ratio)),
            ("retry", "budget.floor", json!(budget.floor)),
            ("retry", "budget.window", time(budget.window)),
        ]);
    }

    let breaker = &policies.breaker;
    let (growth, at_most) = breaker.open_growth();
    let (probes, wait) = breaker.probes();
    all.push(("breaker", "mode", json!(settings.breaker.mode.as_str())));
    all.push(match breaker.window() {
        WindowKind::Time(window) => ("breaker", "window", time(window)),
        WindowKind::Count(calls) => ("breaker", "window_calls", json!(calls)),
    });
    all.extend([
        ("breaker", "min_calls", json!(breaker.min_calls())),
        ("breaker", "failure_rate", json!(breaker.failure_rate())),
        ("breaker", "slow_rate", json!(breaker.slow_rate())),
        ("breaker", "slow_after", time(breaker.slow_after())),
        ("breaker", "open_for", time(breaker.open_for())),
        ("breaker", "open_growth", json!(growth)),
        ("breaker", "open_at_most", time(at_most)),
        ("breaker", "probes", json!(probes)),
        ("breaker", "probe_wait", time(wait)),
    ]);

    let (waiting, wait) = policies.bulkhead.queue();
    all.push(("bulkhead", "concurrent", json!(policies.bulkhead.concurrent())));
    all.push(("bulkhead", "waiting", json!(waiting)));
    if waiting > 0 {
        all.push(("bulkhead", "wait", time(wait)));
    }

    if settings.finds_instances() {
        let balance = &settings.balance;
        all.extend([
            ("balance", "policy", json!(balance.policy.as_str())),
            ("balance", "slow_start", time(balance.slow_start)),
            ("balance", "outlier.consecutive_failures", json!(balance.outlier.consecutive_failures)),
            ("balance", "outlier.ejection_time", time(balance.outlier.ejection_time)),
            ("balance", "outlier.longest_ejection", time(balance.outlier.longest_ejection)),
            ("balance", "outlier.max_ejected", json!(balance.outlier.max_ejected)),
        ]);
        all.extend(balance.zone.as_ref().map(|zone| ("balance", "zone", json!(zone))));
    }

    all.extend([
        ("connection", "http_version", json!(settings.http_version.as_str())),
        ("connection", "compression", json!(settings.compression)),
        ("connection", "connect_timeout", time(settings.connect_timeout)),
        ("connection", "idle_timeout", time(settings.idle_timeout)),
        ("connection", "response_limit", json!(settings.response_limit)),
    ]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Faults;

    fn report(toml: &str, variable: Option<(&str, &str)>) -> Vec<Active> {
        let variable = variable.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::loader().defaults(toml).environment(variable).load().expect("a configuration");
        let settings: ClientSettings = config.read_at("clients.stock").expect("settings");
        let policies = Policies::of(&settings, &mut Faults::default());
        of(&settings, &policies, Sources { config: Some(&config), name: "stock" })
    }

    fn find(active: &[Active], policy: &str, setting: &str) -> (Value, String) {
        let found = active.iter().find(|active| active.policy == policy && active.setting == setting);
        found
            .map(|active| (active.value.clone(), active.origin.clone()))
            .unwrap_or_else(|| panic!("{policy}.{setting}"))
    }

    #[test]
    fn every_value_has_its_origin() {
        let active = report(
            "[clients.stock]\npreset = 'fast'\ntimeout = '200ms'\nretry.longest_pause = '1ms'",
            Some(("CHASSIS__CLIENTS__STOCK__RETRY__ATTEMPTS", "4")),
        );
        for (policy, setting, value, origin) in [
            ("timeout", "attempt_timeout", json!("150ms"), "follows `timeout`"),
            ("retry", "attempts", json!(4), "environment variable CHASSIS__CLIENTS__STOCK__RETRY__ATTEMPTS"),
            ("retry", "first_pause", json!("1ms"), "follows `retry.longest_pause`"),
            ("breaker", "slow_rate", json!(0.8), "preset fast (default)"),
            ("connection", "connect_timeout", json!("1s"), "default"),
        ] {
            assert_eq!(find(&active, policy, setting), (value, origin.to_owned()), "{policy}.{setting}");
        }
        let line = set(&active);
        assert!(line.contains("timeout=200ms (") && line.contains("retry.attempts=4 (environment"), "{line}");
        assert!(!line.contains("slow_rate"), "{line}");
    }

    #[test]
    fn what_is_not_in_force_is_not_told() {
        let active = report("clients.stock.retry.attempts = 1", None);
        assert!(!active.iter().any(|active| active.setting == "first_pause" || active.policy == "balance"));
        let balanced = report("clients.stock.endpoints = ['10.0.0.1:80']", None);
        assert_eq!(find(&balanced, "balance", "policy"), (json!("p2c"), "default".to_owned()));
    }
}

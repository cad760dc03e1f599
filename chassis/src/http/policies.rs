//! What guards one route, and who says so: `[http.routes.NAME]` over the route's attribute over `[http]`.

use std::fmt;

use serde_json::{Value, json};
use tokio::time::Duration;

use super::fused::changes_nothing;
use super::guards::{Limit, Rate};
use super::overrides::{Override, named};
use super::route::RouteSpec;
use super::settings::{HttpSettings, LimitSettings};
use crate::config::{Config, Faults, Origin, size};
use crate::resilience::adaptive::Priority;

/// What guards one route, in the order in which a request meets it.
#[derive(Debug)]
pub(crate) struct Policies {
    pub(super) timeout: Said<Duration>,
    pub(super) client_gone: Said<ClientGone>,
    pub(super) rate: Option<Said<Rate>>,
    pub(super) burst: Option<Said<u32>>,
    pub(super) limit: Said<Limit>,
    /// Of an adaptive limit: its bounds, as `[http.limit]` has them.
    bounds: Vec<ActivePolicy>,
    pub(super) priority: Said<Priority>,
    pub(super) body_limit: Said<usize>,
    pub(super) keeps_answers: bool,
}

/// What becomes of a handler whose client has gone, or whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientGone {
    Cancels,
    LetsItEnd,
    /// Any method may come.
    ByMethod,
}

impl ClientGone {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cancels => "cancels",
            Self::LetsItEnd => "lets it end",
            Self::ByMethod => "cancels what changes nothing",
        }
    }
}

/// A setting and who says it.
#[derive(Debug, Clone)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) by: By,
}

/// Who says something of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// Its attribute.
    Attribute,
    /// The configuration, or the library where nobody has set it.
    Configuration(Origin),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute => f.write_str("attribute"),
            Self::Configuration(origin) => origin.fmt(f),
        }
    }
}

/// One setting of a policy, as people see it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ActivePolicy {
    policy: &'static str,
    /// Where the policy has several.
    setting: Option<&'static str>,
    value: Value,
    by: By,
}

impl ActivePolicy {
    /// As `/admin/routes` has it.
    pub(crate) fn json(&self) -> Value {
        let Self { policy, setting, value, by } = self;
        let mut shown = json!({ "policy": policy, "value": value, "origin": by.to_string() });
        if let Some(setting) = setting {
            shown["setting"] = json!(setting);
        }
        shown
    }
}

impl fmt::Display for ActivePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.policy)?;
        self.setting.iter().try_for_each(|setting| write!(f, ".{setting}"))?;
        match &self.value {
            Value::String(text) => write!(f, " {text}")?,
            other => write!(f, " {other}")?,
        }
        match &self.by {
            By::Configuration(Origin::Default) => Ok(()),
            by => write!(f, " ({by})"),
        }
    }
}

/// Where the settings of one service stand.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) settings: &'a HttpSettings,
    pub(crate) config: &'a Config,
}

impl Sources<'_> {
    /// Something that `[http]` says.
    fn listener<T>(&self, key: &str, value: T) -> Said<T> {
        Said { value, by: By::Configuration(self.config.origin(&format!("http.{key}")).unwrap_or(Origin::Default)) }
    }

    /// What guards routes that the service has added by hand.
    pub(crate) fn plain(&self) -> Policies {
        let HttpSettings { deadline, body_limit, limit, .. } = self.settings;
        let adaptive = if limit.enabled { Limit::Adaptive } else { Limit::Off };
        Policies {
            timeout: self.listener("deadline", *deadline),
            client_gone: Said { value: ClientGone::ByMethod, by: By::Configuration(Origin::Default) },
            rate: None,
            burst: None,
            limit: self.listener("limit.enabled", adaptive),
            bounds: self.bounds(limit),
            priority: Said { value: Priority::Default, by: By::Configuration(Origin::Default) },
            body_limit: self.listener("body_limit", *body_limit),
            keeps_answers: false,
        }
    }

    fn bounds(&self, limit: &LimitSettings) -> Vec<ActivePolicy> {
        let LimitSettings { initial, min, max, tolerance, .. } = limit;
        let bounds =
            [("initial", json!(initial)), ("min", json!(min)), ("max", json!(max)), ("tolerance", json!(tolerance))];
        bounds
            .into_iter()
            .map(|(setting, value)| {
                let Said { value, by } = self.listener(&format!("limit.{setting}"), value);
                ActivePolicy { policy: "limit", setting: Some(setting), value, by }
            })
            .collect()
    }

    /// What guards each of a service's declared routes. Faults that only show where all of it comes together are added to
    /// `faults`.
    pub(crate) fn all(&self, specs: &[RouteSpec], faults: &mut Faults) -> Vec<Policies> {
        let mut all: Vec<Policies> = specs.iter().map(|spec| self.declared(spec)).collect();
        for (key, settings) in &self.settings.routes {
            // Names that lead nowhere, or to several, are reported by `check_names`.
            let [route] = *named(key, specs) else { continue };
            let Some(at) = specs.iter().position(|spec| std::ptr::eq(spec, route)) else { continue };
            // What is wrong in it by itself has been reported with the section.
            let said = settings.read("", &mut Faults::default());
            all[at].override_by(&format!("http.routes.{key}"), said, self.config, faults);
        }
        for (spec, policies) in specs.iter().zip(&all) {
            self.check(spec, policies, faults);
        }
        all
    }

    /// What the listener and the route's attribute say.
    fn declared(&self, spec: &RouteSpec) -> Policies {
        let mut policies = self.plain();
        let RouteSpec { method, timeout, guards, .. } = spec;
        let by_method = if changes_nothing(method) { ClientGone::Cancels } else { ClientGone::LetsItEnd };
        policies.client_gone = if guards.cancellable {
            Said { value: ClientGone::Cancels, by: By::Attribute }
        } else {
            Said { value: by_method, by: By::Configuration(Origin::Default) }
        };
        policies.keeps_answers = spec.idempotent && spec.contract.is_none() && !method.is_idempotent();
        if let Some(time) = timeout {
            policies.timeout = Said { value: *time, by: By::Attribute };
        }
        if let Some(bytes) = guards.body_limit {
            policies.body_limit = Said { value: bytes, by: By::Attribute };
        }
        if let Some(limit) = guards.limit {
            policies.limit = Said { value: limit, by: By::Attribute };
        }
        if let Some(priority) = guards.priority {
            policies.priority = Said { value: priority, by: By::Attribute };
        }
        policies.rate = guards.rate.map(|value| Said { value, by: By::Attribute });
        policies.burst = guards.rate.map(|rate| Said { value: rate.burst, by: By::Attribute });
        policies
    }

    /// Settings that contradict each other.
    fn check(&self, spec: &RouteSpec, policies: &Policies, faults: &mut Faults) {
        let (name, most) = (spec.name, self.settings.limit.max);
        let Policies { limit, priority, .. } = policies;
        if let Limit::Fixed(number) = limit.value
            && self.settings.limit.enabled
            && number > most
        {
            let message = format!("is {most}, and the route `{name}` has a limit of {number} ({})", limit.by);
            let place = self.config.origin("http.limit.max");
            faults.add("http.limit.max", message).at(place).hint("raise the one or lower the other");
        }
        if let (Limit::Off, By::Configuration(place)) = (limit.value, &priority.by)
            && priority.value != Priority::Default
        {
            let message = "says who is refused first, but the route has no limit and refuses nobody";
            let key = format!("http.routes.{name}.priority");
            faults.add(key, message).at(Some(place.clone())).hint("leave out one of the two");
        }
    }
}

impl Policies {
    fn override_by(&mut self, path: &str, said: Override, config: &Config, faults: &mut Faults) {
        let by = |key: &str| By::Configuration(config.origin(&format!("{path}.{key}")).unwrap_or(Origin::Default));
        let Override { timeout, body_limit, limit, rate, burst, priority } = said;
        if let Some(value) = timeout {
            self.timeout = Said { value, by: by("timeout") };
        }
        if let Some(value) = body_limit {
            self.body_limit = Said { value, by: by("body_limit") };
        }
        if let Some(value) = limit {
            self.limit = Said { value, by: by("limit") };
        }
        if let Some(value) = priority {
            self.priority = Said { value, by: by("priority") };
        }
        if let Some(rate) = rate {
            self.burst = rate.map(|rate| Said { value: rate.burst, by: by("rate") });
            self.rate = rate.map(|value| Said { value, by: by("rate") });
        }
        match (burst, &mut self.rate) {
            (Some(value), Some(rate)) => {
                rate.value.burst = value;
                self.burst = Some(Said { value, by: by("burst") });
            }
            (Some(_), None) => {
                let key = format!("{path}.burst");
                let place = config.origin(&key);
                faults.add(key, "belongs to a rate, and the route has none").at(place).hint("set `rate` beside it");
            }
            (None, _) => {}
        }
    }

    /// Each setting with who says it.
    pub(crate) fn shown(&self) -> Vec<ActivePolicy> {
        let row = |policy, setting, value, by: &By| ActivePolicy { policy, setting, value, by: by.clone() };
        let time = humantime::format_duration(self.timeout.value).to_string();
        let mut rows = vec![row("timeout", None, json!(time), &self.timeout.by)];
        rows.push(row("client_gone", None, json!(self.client_gone.value.as_str()), &self.client_gone.by));
        if let (Some(rate), Some(burst)) = (&self.rate, &self.burst) {
            rows.push(row("rate", Some("rate"), json!(rate.value.to_string()), &rate.by));
            rows.push(row("rate", Some("burst"), json!(burst.value), &burst.by));
        }
        match self.limit.value {
            Limit::Off => rows.push(row("limit", Some("kind"), json!("off"), &self.limit.by)),
            Limit::Fixed(number) => rows.push(row("limit", Some("fixed"), json!(number), &self.limit.by)),
            Limit::Adaptive => {
                rows.push(row("limit", Some("kind"), json!("adaptive"), &self.limit.by));
                rows.extend(self.bounds.iter().cloned());
            }
        }
        if self.limit.value != Limit::Off {
            rows.push(row("limit", Some("priority"), json!(self.priority.value.as_str()), &self.priority.by));
        }
        rows.push(row("body_limit", None, json!(size::show(self.body_limit.value)), &self.body_limit.by));
        if self.keeps_answers {
            rows.push(row("idempotency", None, json!("keeps answers"), &By::Attribute));
        }
        rows
    }

    /// What somebody has said of this route that does not hold for all, on a line; `None` where that is nothing.
    pub(crate) fn own(&self, plain: &Self) -> Option<String> {
        let plain = plain.shown();
        let mut rows = self.shown();
        rows.retain(|row| row.by != By::Configuration(Origin::Default) && !plain.contains(row));
        (!rows.is_empty()).then(|| line(&rows))
    }
}

/// All of it on a line, for the log.
impl fmt::Display for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.shown()))
    }
}

fn line(rows: &[ActivePolicy]) -> String {
    rows.iter().map(ActivePolicy::to_string).collect::<Vec<_>>().join(", ")
}

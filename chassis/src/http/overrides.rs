//! What an operator says of single routes: `[http.routes.NAME]`.

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use super::guards::{Limit, Rate};
use super::route::RouteSpec;
use crate::config::{Config, Faults, nearest, size};
use crate::resilience::adaptive::Priority;

/// What is different for one route: `[http.routes.NAME]`, NAME being that of its function.
///
/// A contract's operation can also be named `CONTRACT-OPERATION` and `CONTRACT-vVERSION-OPERATION`. What is not set is as the
/// route's attribute has it, or else as `[http]` has it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RouteSettings {
    /// How long a request may take, where it brings no shorter deadline.
    #[serde(with = "crate::config::duration::optional")]
    #[schemars(schema_with = "crate::config::duration::optional::schema")]
    pub timeout: Option<Duration>,
    /// The largest body that is taken: a number of bytes, or text such as `"10 MiB"`.
    pub body_limit: Option<Written>,
    /// How many requests are let in at the same time: a number, `"off"`, or `"adaptive"`, which follows how long they take.
    pub limit: Option<Written>,
    /// How many requests are let in in how much time, such as `"100/s"` or `"5/10s"`; or `"off"`.
    pub rate: Option<String>,
    /// How many of them may come at once; as many as `rate` counts, if it is not set.
    pub burst: Option<u32>,
    /// How much its requests matter when there is not room for all: `critical`, `default` or `sheddable`.
    pub priority: Option<String>,
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Written {
    /// A number.
    Number(usize),
    /// A text.
    Text(String),
}

/// The same, read.
#[derive(Debug, Default)]
pub(super) struct Override {
    pub(super) timeout: Option<Duration>,
    pub(super) body_limit: Option<usize>,
    pub(super) limit: Option<Limit>,
    /// `Some(None)` where there is to be none.
    pub(super) rate: Option<Option<Rate>>,
    pub(super) burst: Option<u32>,
    pub(super) priority: Option<Priority>,
}

impl RouteSettings {
    /// Reads what was written, and reports every fault in it; keys are relative to `at`.
    pub(super) fn read(&self, at: &str, faults: &mut Faults) -> Override {
        let mut wrong = |key: &str, message: String| {
            faults.add(format!("{at}.{key}"), message);
        };
        let mut read = Override::default();
        match self.timeout {
            Some(time) if time.is_zero() => wrong("timeout", NO_TIME.to_owned()),
            time => read.timeout = time,
        }
        match self.body_limit.as_ref().map(Written::size).transpose() {
            Ok(Some(0)) => wrong("body_limit", NO_ROOM.to_owned()),
            Ok(size) => read.body_limit = size,
            Err(message) => wrong("body_limit", message),
        }
        match self.limit.as_ref().map(Written::limit).transpose() {
            Ok(limit) => read.limit = limit,
            Err(message) => wrong("limit", message),
        }
        match self.rate.as_deref() {
            Some("off") => read.rate = Some(None),
            Some(text) => match Rate::parse(text) {
                Ok(rate) => read.rate = Some(Some(rate)),
                Err(message) => wrong("rate", format!("{message}, or \"off\"")),
            },
            None => {}
        }
        match self.burst {
            Some(0) => wrong("burst", "must be at least 1".to_owned()),
            burst => read.burst = burst,
        }
        match self.priority.as_deref().map(priority).transpose() {
            Ok(priority) => read.priority = priority,
            Err(message) => wrong("priority", message),
        }
        read
    }
}

pub(super) const NO_TIME: &str = "must be longer than zero";
pub(super) const NO_ROOM: &str = "must be at least 1 byte";

/// As many as [`Bulkhead`](crate::resilience::bulkhead::Bulkhead) has places.
const MOST: u32 = 1 << 20;

impl Written {
    fn size(&self) -> Result<usize, String> {
        match self {
            Self::Number(bytes) => Ok(*bytes),
            Self::Text(text) => size::parse(text),
        }
    }

    fn limit(&self) -> Result<Limit, String> {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => match text.as_str() {
                "off" => return Ok(Limit::Off),
                "adaptive" => return Ok(Limit::Adaptive),
                text => text.parse().ok(),
            },
        };
        let fixed = number.and_then(|number| u32::try_from(number).ok()).filter(|number| (1..=MOST).contains(number));
        fixed.map(Limit::Fixed).ok_or_else(|| format!("must be a number from 1 to {MOST}, \"off\" or \"adaptive\""))
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    let found = Priority::ALL.into_iter().find(|priority| priority.as_str() == text);
    found.ok_or_else(|| {
        let near = nearest(text, Priority::ALL.into_iter().map(Priority::as_str));
        let advice = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        format!("must be \"critical\", \"default\" or \"sheddable\", is {text:?}{advice}")
    })
}

/// The names of a route in `[http.routes]`, the shortest first.
fn names(spec: &RouteSpec) -> Vec<String> {
    let RouteSpec { name, contract, .. } = spec;
    match contract {
        None => vec![(*name).to_owned()],
        Some((contract, version)) => {
            vec![(*name).to_owned(), format!("{contract}-{name}"), format!("{contract}-v{version}-{name}")]
        }
    }
}

/// Variables know no dashes.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).all(|(a, b)| a == b || [a, b].iter().all(|c| b"-_".contains(c)))
}

/// The routes that `key` names. A route of the service's own goes before operations of that name.
pub(super) fn named<'a>(key: &str, specs: &'a [RouteSpec]) -> Vec<&'a RouteSpec> {
    let own = specs.iter().find(|spec| spec.contract.is_none() && same(spec.name, key));
    match own {
        Some(own) => vec![own],
        None => specs.iter().filter(|spec| names(spec).iter().any(|name| same(name, key))).collect(),
    }
}

/// What `[http.routes]` says that leads to no route, to several, or to one that another name leads to as well.
///
/// A name that stands for the whole process need only be known to one of its services.
pub(crate) fn check_names(services: &[(&str, Vec<RouteSpec>)], config: &Config, faults: &mut Faults) {
    for (service, specs) in services {
        let seen = config.service(service);
        let own = config.keys(&format!("services.{service}.http.routes"));
        let mut taken: Vec<(&RouteSpec, String)> = Vec::new();
        for key in seen.keys("http.routes") {
            let path = format!("http.routes.{key}");
            match *named(&key, specs) {
                [] => {
                    let elsewhere = services.iter().any(|(_, specs)| !named(&key, specs).is_empty());
                    if own.contains(&key) || !elsewhere {
                        unknown(&path, &key, service, specs, &seen, faults);
                    }
                }
                [route] => match taken.iter().find(|(other, _)| std::ptr::eq(*other, route)) {
                    Some((_, other)) => {
                        let message = format!("is the route that `http.routes.{other}` names already");
                        faults.add(path.as_str(), message).at(seen.origin(&path));
                    }
                    None => taken.push((route, key)),
                },
                ref several => {
                    let longest = several.iter().filter_map(|spec| names(spec).pop());
                    let advice = format!("name one of {}", longest.collect::<Vec<_>>().join(", "));
                    let message = format!("stands for {} routes of `{service}`", several.len());
                    faults.add(path.as_str(), message).at(seen.origin(&path)).hint(advice);
                }
            }
        }
    }
}

fn unknown(path: &str, key: &str, service: &str, specs: &[RouteSpec], config: &Config, faults: &mut Faults) {
    let known: Vec<String> = specs.iter().flat_map(names).collect();
    let fault = faults.add(path, format!("is no route of `{service}`")).at(config.origin(path));
    match nearest(key, known.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!("did you mean `http.routes.{near}`?")),
        None => fault.hint("a route has the name of its function; `/admin/routes` lists them"),
    };
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn spec(name: &'static str, contract: Option<(&'static str, u32)>) -> RouteSpec {
        RouteSpec { name, contract, ..RouteSpec::new(Method::GET, "/x") }
    }

    #[test]
    fn a_name_leads_to_one_route() {
        let specs = [
            spec("list", None),
            spec("stock", Some(("inventory", 1))),
            spec("stock", Some(("inventory", 2))),
            spec("list", Some(("price-list", 1))),
        ];
        let found = |key: &str| named(key, &specs).iter().map(|spec| spec.contract).collect::<Vec<_>>();
        assert_eq!(found("list"), [None], "its own goes first");
        assert_eq!(found("price-list-list"), [Some(("price-list", 1))]);
        assert_eq!(found("price_list_list"), [Some(("price-list", 1))], "as a variable has it");
        assert_eq!(found("stock").len(), 2);
        assert_eq!(found("inventory-v2-stock"), [Some(("inventory", 2))]);
        assert!(found("stok").is_empty());
    }

    #[test]
    fn every_wrong_name_is_reported_with_its_place() {
        let orders = ("orders", vec![spec("place", None), spec("stock", Some(("inventory", 1)))]);
        let toml = "[http.routes]\nplcae.limit = 1\nstock.limit = 1\ninventory-stock.limit = 1\nelsewhere.limit = 1\n\
                    [services.orders.http.routes]\nshow.limit = 2";
        let config = Config::from_toml(toml).expect("a configuration");
        let mut faults = Faults::default();
        check_names(&[orders, ("other", vec![spec("elsewhere", None), spec("show", None)])], &config, &mut faults);
        let said = faults.to_string();
        assert!(said.contains("http.routes.plcae: is no route of `orders`"), "{said}");
        assert!(said.contains("did you mean `http.routes.place`?"), "{said}");
        assert!(
            said.contains("http.routes.stock: is the route that `http.routes.inventory-stock` names already"),
            "{said}"
        );
        assert!(said.contains("http.routes.show: is no route of `orders`"), "{said}");
        assert!(!said.contains("elsewhere"), "{said}");
    }
}

//! The routes, and what guards each of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Management;
use crate::http::RouteSpec;
use crate::http::policies::{ActivePolicy, Policies};
use crate::http::router::{Built, ByHand};

/// The routes of one service, as operators see them.
pub(crate) struct ShownRoutes {
    declared: Vec<Value>,
    /// Those that it adds by hand, where it does.
    by_hand: Option<Arc<ByHand>>,
}

/// How those are named that were not declared.
const BY_HAND: &str = "#[router]";

impl ShownRoutes {
    /// `extended` is whether the service adds routes that it does not declare.
    pub(crate) fn of(built: &Built, extended: bool) -> Self {
        let declared = built.routes.iter().map(|(spec, policies)| {
            let contract = spec.contract.map(|(name, version)| format!("{name} v{version}"));
            let mut shown = show(&route(spec), policies);
            (shown["name"], shown["contract"]) = (json!(spec.name), json!(contract));
            shown
        });
        Self { declared: declared.collect(), by_hand: extended.then(|| Arc::clone(&built.by_hand)) }
    }

    fn json(&self) -> Value {
        let by_hand = self.by_hand.iter().map(|by_hand| {
            let mut shown = show(BY_HAND, &by_hand.policies);
            shown["asked"] = json!(by_hand.asked());
            shown
        });
        self.declared.iter().cloned().chain(by_hand).collect()
    }
}

/// Says in the log what guards each route: where it differs from what holds for all, and all of it for who wants to know.
pub(crate) fn tell(service: &'static str, built: &Built, extended: bool, plain: &Policies) {
    for (spec, policies) in &built.routes {
        let (route, name) = (route(spec), spec.name);
        if let Some(own) = policies.own(plain) {
            tracing::info!(service, route, name, own, "guarded otherwise");
        }
        tracing::debug!(service, route, name, %policies, "guards");
    }
    if extended {
        tracing::info!(service, route = BY_HAND, policies = %built.by_hand.policies, "guards");
    }
}

fn route(spec: &RouteSpec) -> String {
    format!("{} {}", spec.method, spec.path)
}

fn show(route: &str, policies: &Policies) -> Value {
    let policies = policies.shown();
    let policies: Vec<Value> = policies.iter().map(ActivePolicy::json).collect();
    json!({ "route": route, "name": null, "contract": null, "policies": policies })
}

pub(super) async fn list(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    Json(services.iter().map(|(name, shown)| ((*name).to_owned(), shown.routes.json())).collect())
}

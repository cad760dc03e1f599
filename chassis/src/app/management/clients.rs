//! The clients: what the services call, how it goes, and the operator's hand on their breakers.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::audit::{Caller, Deed};
use super::{Management, not_found};
use crate::client::{Clients, Remote};
use crate::http::Problem;

pub(super) fn routes() -> Router<Management> {
    Router::new().route("/clients", get(list)).route("/clients/{service}/{name}/breaker/{action}", post(set_breaker))
}

impl Management {
    fn clients(&self) -> Clients {
        self.0.clients.get().cloned().unwrap_or_default()
    }
}

async fn list(State(management): State<Management>) -> Json<Value> {
    let clients = management.clients().list();
    Json(clients.iter().map(|(service, name, remote)| show(service, name, remote)).collect())
}

fn show(service: &str, name: &str, remote: &Remote) -> Value {
    let breaker = remote.breaker();
    let counts = breaker.counts();
    let failure = remote.last_failure();
    json!({
        "service": service,
        "name": name,
        "url": remote.address(),
        "policies": remote.policies(),
        "settings": remote.active(),
        "breaker": {
            "state": breaker.status().as_str(),
            "calls": counts.calls,
            "failures": counts.failures,
            "slow": counts.slow,
        },
        "instances": remote.endpoints(),
        "last_failure": failure.map(|(at, what)| json!({ "at": at.to_string(), "what": what })),
    })
}

async fn set_breaker(
    State(management): State<Management>,
    Path((service, name, action)): Path<(String, String, String)>,
    caller: Caller,
) -> Result<Json<Value>, Problem> {
    let found = management.clients().get(&service, &name);
    let (service, remote) = found.ok_or_else(|| not_found("There is no such client."))?;
    let breaker = remote.breaker();
    let action = match action.as_str() {
        "open" => {
            breaker.force_open();
            "breaker.open"
        }
        "disable" => {
            breaker.disable();
            "breaker.disable"
        }
        "reset" => {
            breaker.reset();
            "breaker.reset"
        }
        _ => return Err(not_found("A breaker takes `open`, `disable` and `reset`.")),
    };
    caller.did(Deed { action, service, target: &name, selection: String::new(), outcome: Ok(1) });
    Ok(Json(show(service, &name, &remote)))
}

//! What operators see of the process and its services.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Management, not_found};
use crate::http::Problem;

pub(super) async fn info(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    let services = services
        .iter()
        .map(|(name, shown)| json!({ "name": name, "version": shown.version, "listen": shown.address.to_string() }));
    Json(json!({
        "profile": management.0.config.profile(),
        "process": std::process::id(),
        "chassis": env!("CARGO_PKG_VERSION"),
        "services": services.collect::<Vec<_>>(),
    }))
}

pub(super) async fn health(State(management): State<Management>) -> Json<Value> {
    let entries = management.0.health.entries();
    let parts = entries.iter().map(|entry| {
        json!({
            "name": entry.name,
            "required": entry.impact == crate::health::Impact::Required,
            "status": entry.health.as_str(),
            "reason": entry.health.reason(),
            "age_seconds": entry.age.as_secs_f64(),
        })
    });
    let readiness = management.0.health.readiness();
    Json(json!({
        "status": readiness.as_str(),
        "reason": readiness.reason(),
        "parts": parts.collect::<Vec<_>>(),
    }))
}

pub(super) async fn config(State(management): State<Management>) -> Json<Value> {
    let explained = management.0.config.explain(&management.0.sections);
    let explained = explained
        .into_iter()
        .map(|setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() }));
    Json(explained.collect())
}

pub(super) async fn openapi(
    State(management): State<Management>,
    Path(service): Path<String>,
) -> Result<Json<Value>, Problem> {
    let name = service.strip_suffix(".json").unwrap_or(&service);
    let services = management.services();
    let shown = services.get(name).ok_or_else(|| not_found("There is no such service."))?;
    Ok(Json(shown.openapi.clone()))
}

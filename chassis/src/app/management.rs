//! The management listener: health and metrics for machines, `/admin` for operators.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::config::{Config, KnownSection};
use crate::health::{Health, Phase, Registry};
use crate::http::{ManagementSettings, Problem};
use crate::jobs::JobHandle;
use crate::telemetry::metrics;

/// What the management listener shows.
#[derive(Clone)]
pub(crate) struct Management(Arc<Shared>);

struct Shared {
    config: Config,
    sections: Vec<KnownSection>,
    settings: ManagementSettings,
    health: Registry,
    services: Mutex<BTreeMap<&'static str, Shown>>,
}

/// What is shown of one service.
pub(crate) struct Shown {
    pub(crate) version: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) routes: Vec<String>,
    pub(crate) jobs: Vec<(&'static str, String, Arc<JobHandle>)>,
    pub(crate) openapi: Value,
}

impl Management {
    pub(crate) fn new(
        config: Config,
        sections: Vec<KnownSection>,
        settings: ManagementSettings,
        health: Registry,
    ) -> Self {
        Self(Arc::new(Shared { config, sections, settings, health, services: Mutex::default() }))
    }

    pub(crate) fn add(&self, name: &'static str, shown: Shown) {
        self.services().insert(name, shown);
    }

    fn services(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Shown>> {
        self.0.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn router(&self) -> Router {
        let admin = Router::new()
            .route("/info", get(info))
            .route("/health", get(health))
            .route("/config", get(config))
            .route("/routes", get(routes))
            .route("/jobs", get(jobs))
            .route("/jobs/{service}/{name}/run", post(run_job))
            .route("/openapi/{service}", get(openapi))
            .fallback(nothing_here)
            .layer(middleware::from_fn_with_state(self.clone(), guard));
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/startupz", get(startupz))
            .route("/metrics", get(render))
            .nest("/admin", admin)
            .fallback(nothing_here)
            .with_state(self.clone())
    }
}

/// The process answers, and that is all that liveness means.
async fn livez() -> &'static str {
    "up\n"
}

async fn readyz(State(management): State<Management>) -> Response {
    word(&management.0.health.readiness())
}

async fn startupz(State(management): State<Management>) -> Response {
    match management.0.health.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
        Phase::Ready | Phase::Draining | Phase::Stopped => "up\n".into_response(),
    }
}

/// One status word: details are for operators only.
fn word(health: &Health) -> Response {
    let status = if matches!(health, Health::Down(_)) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, format!("{}\n", health.as_str())).into_response()
}

async fn render() -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response()
}

async fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found").detail("There is nothing at this address.")
}

async fn info(State(management): State<Management>) -> Json<Value> {
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

async fn health(State(management): State<Management>) -> Json<Value> {
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

async fn config(State(management): State<Management>) -> Json<Value> {
    let explained = management.0.config.explain(&management.0.sections);
    let explained = explained
        .into_iter()
        .map(|setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() }));
    Json(explained.collect())
}

async fn routes(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    Json(services.iter().map(|(name, shown)| ((*name).to_owned(), json!(shown.routes))).collect())
}

async fn jobs(State(management): State<Management>) -> Json<Value> {
    let services = management.services();
    let jobs = services.iter().flat_map(|(service, shown)| {
        shown
            .jobs
            .iter()
            .map(move |(name, schedule, _)| json!({ "service": service, "name": name, "schedule": schedule }))
    });
    Json(jobs.collect())
}

async fn run_job(
    State(management): State<Management>,
    Path((service, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let services = management.services();
    let job = services
        .get(service.as_str())
        .and_then(|shown| shown.jobs.iter().find(|(job, _, _)| *job == name))
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found").detail("There is no such job."))?;
    tracing::info!(service, job = name, "an operator asked for a run");
    job.2.run_now();
    Ok(StatusCode::ACCEPTED)
}

async fn openapi(State(management): State<Management>, Path(service): Path<String>) -> Result<Json<Value>, Problem> {
    let name = service.strip_suffix(".json").unwrap_or(&service);
    let services = management.services();
    let shown = services
        .get(name)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found").detail("There is no such service."))?;
    Ok(Json(shown.openapi.clone()))
}

/// Who may use `/admin`: nobody in production unless a token is set; with a token, who has it; without one, anybody may
/// look and nobody may change.
async fn guard(State(management): State<Management>, request: Request, next: Next) -> Response {
    let settings = &management.0.settings;
    if !host_is_ours(&request, &settings.hosts) {
        // A page in an operator's browser must not reach this by a name of its own (DNS rebinding).
        let detail = "This host name is not one of `management.hosts`.";
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host").detail(detail).into_response();
    }
    match &settings.token {
        Some(token) => {
            let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            if !equal(given.as_bytes(), token.expose().as_bytes()) {
                let detail = "Send the header `authorization: Bearer` with `management.token`.";
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "token_required").detail(detail);
                return ([(WWW_AUTHENTICATE, "Bearer")], problem).into_response();
            }
        }
        None if management.0.config.profile() == "production" => return nothing_here().await.into_response(),
        None if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let detail = "Set `management.token` to change anything here.";
            return Problem::new(StatusCode::FORBIDDEN, "token_required").detail(detail).into_response();
        }
        None => {}
    }
    next.run(request).await
}

fn host_is_ours(request: &Request, hosts: &[String]) -> bool {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let Some(host) = host.or_else(|| request.uri().authority().map(|authority| authority.as_str())) else {
        return true;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or(host),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Compares without telling by its time how much was right.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

//! The management listener: health and metrics for machines, `/admin` for operators.
//!
//! One file per group of addresses: `probes`, what is to `show`, `routes`, `jobs`, `clients`, `consumers`, `orphans`,
//! `dead_letters`, `outbox`. The `guard` stands before all of `/admin`; what changes something takes an `order` and leaves a line in the `audit` log.

#[cfg(any(feature = "messaging", feature = "client"))]
mod audit;
#[cfg(feature = "client")]
mod clients;
#[cfg(feature = "messaging")]
mod consumers;
#[cfg(feature = "messaging")]
mod dead_letters;
mod guard;
mod jobs;
#[cfg(feature = "messaging")]
mod order;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
mod orphans;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
mod outbox;
mod probes;
mod routes;
mod show;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::routing::{get, post};
use axum::{Router, middleware};
use http::StatusCode;
use serde_json::Value;

use crate::config::{Config, KnownSection};
use crate::health::Registry;
use crate::http::{ManagementSettings, Problem};
use crate::jobs::JobHandle;
#[cfg(feature = "messaging")]
use crate::messaging::consumer::ConsumerControl;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
use crate::messaging::consumer::Orphans;
#[cfg(feature = "messaging")]
use crate::messaging::dead_letters::DeadLetters;
#[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
use crate::messaging::outbox::Desk;

pub(crate) use routes::{ShownRoutes, tell};

/// What the management listener shows.
#[derive(Clone)]
pub(crate) struct Management(Arc<Shared>);

struct Shared {
    config: Config,
    sections: Vec<KnownSection>,
    settings: ManagementSettings,
    health: Registry,
    services: Mutex<BTreeMap<&'static str, Shown>>,
    #[cfg(feature = "client")]
    clients: std::sync::OnceLock<crate::client::Clients>,
}

/// What is shown of one service.
pub(crate) struct Shown {
    pub(crate) version: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) routes: ShownRoutes,
    pub(crate) jobs: Vec<(&'static str, String, Arc<JobHandle>)>,
    pub(crate) openapi: Value,
    #[cfg(feature = "messaging")]
    pub(crate) consumers: Vec<ConsumerControl>,
    #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
    pub(crate) orphans: Option<Orphans>,
    #[cfg(feature = "messaging")]
    pub(crate) dead_letters: Option<DeadLetters>,
    #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
    pub(crate) outbox: Option<Desk>,
}

impl Management {
    pub(crate) fn new(
        config: Config,
        sections: Vec<KnownSection>,
        settings: ManagementSettings,
        health: Registry,
    ) -> Self {
        Self(Arc::new(Shared {
            config,
            sections,
            settings,
            health,
            services: Mutex::default(),
            #[cfg(feature = "client")]
            clients: std::sync::OnceLock::new(),
        }))
    }

    pub(crate) fn add(&self, name: &'static str, shown: Shown) {
        self.services().insert(name, shown);
    }

    /// Shows what the services call from now on.
    #[cfg(feature = "client")]
    pub(crate) fn show_clients(&self, clients: crate::client::Clients) {
        let _ = self.0.clients.set(clients);
    }

    fn services(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Shown>> {
        self.0.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn router(&self) -> Router {
        let admin = Router::new()
            .route("/info", get(show::info))
            .route("/health", get(show::health))
            .route("/config", get(show::config))
            .route("/routes", get(routes::list))
            .route("/openapi/{service}", get(show::openapi))
            .route("/jobs", get(jobs::list))
            .route("/jobs/{service}/{name}/run", post(jobs::run));
        #[cfg(feature = "client")]
        let admin = admin.merge(clients::routes());
        #[cfg(feature = "messaging")]
        let admin = admin.merge(consumers::routes()).merge(dead_letters::routes());
        #[cfg(all(feature = "messaging", any(feature = "sqlite", feature = "postgres")))]
        let admin = admin.merge(orphans::routes()).merge(outbox::routes());
        let admin = admin
            .fallback(nothing_here)
            .method_not_allowed_fallback(other_method)
            .layer(middleware::from_fn_with_state(self.clone(), guard::guard));
        Router::new()
            .route("/livez", get(probes::livez))
            .route("/readyz", get(probes::readyz))
            .route("/startupz", get(probes::startupz))
            .route("/metrics", get(probes::render))
            .nest("/admin", admin)
            .fallback(nothing_here)
            .with_state(self.clone())
    }
}

async fn nothing_here() -> Problem {
    not_found("There is nothing at this address.")
}

async fn other_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").detail("This address does not know the method.")
}

fn not_found(detail: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found").detail(detail)
}

//! Who did what: a line in the log for each call that changes something or shows what users have said.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::http::server::Peer;
use crate::telemetry::metrics;

/// What of a name that somebody gives himself is written down.
const ACTOR: usize = 100;

/// Who called: his address, and the name that he gave himself in the header `x-actor`, which nobody has checked.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    remote: Option<SocketAddr>,
    actor: Option<String>,
}

/// What was done, to what, and how it ended.
pub(super) struct Deed<'a> {
    pub(super) action: &'static str,
    pub(super) service: &'static str,
    /// The queue or table, of that service.
    pub(super) target: &'a str,
    pub(super) selection: String,
    /// How many messages it was about, or why it failed.
    pub(super) outcome: Result<u64, String>,
}

impl Caller {
    /// Writes it down.
    pub(super) fn did(&self, deed: Deed<'_>) {
        let Deed { action, service, target, selection, outcome } = deed;
        // Not a field `service`, which is the one that logs.
        let of = if target.starts_with(service) { target.to_owned() } else { format!("{target} of {service}") };
        let remote = self.remote.map(|remote| remote.to_string()).unwrap_or_default();
        let actor = self.actor.as_deref().unwrap_or_default();
        let done = match &outcome {
            Ok(count) => {
                tracing::info!(target: "chassis::audit", action, of, selection, count, remote, actor, outcome = "done", "an operator's call");
                "done"
            }
            Err(error) => {
                tracing::warn!(target: "chassis::audit", action, of, selection, error, remote, actor, outcome = "failed", "an operator's call");
                "failed"
            }
        };
        let labels = [("service", service), ("action", action), ("outcome", done)];
        metrics::counter("chassis.admin.calls", "Calls of operators that are audited.", &labels).inc();
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let remote = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let actor = parts.headers.get("x-actor").and_then(|value| value.to_str().ok());
        Ok(Self { remote, actor: actor.map(|actor| actor.chars().take(ACTOR).collect()) })
    }
}

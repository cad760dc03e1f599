//! From declared routes to an axum router.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on_service};
use http::StatusCode;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt, layer::layer_fn};

use super::fused::{Fused, Route, Shared};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::idempotent;
use super::instruments::Instruments;
use super::limit::RouteLimit;
use super::problem::Problem;
use super::route::{Endpoint, Routes};
use super::settings::HttpSettings;
use crate::error::panic_text;
use crate::resilience::adaptive::AdaptiveLimitPolicy;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// The router of one service, and the work of its that outlives its clients.
pub(crate) struct Built {
    pub(crate) router: Router,
    pub(crate) detached: TaskTracker,
}

/// Builds the router of a service from its declared routes and what it adds by hand.
///
/// # Errors
/// When a method cannot be routed, or two routes are in each other's way.
pub(crate) fn build(
    service: &'static str,
    settings: &HttpSettings,
    routes: Routes,
    extend: impl FnOnce(Router) -> Router,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] database: Option<&crate::data::Database>,
) -> Result<Built> {
    // axum says by a panic that routes cannot be put together.
    let put_together = panic::catch_unwind(AssertUnwindSafe(|| {
        put_together(
            service,
            settings,
            routes,
            extend,
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            database,
        )
    }));
    put_together.unwrap_or_else(|panic| {
        let message = format!("the routes cannot be put together: {}", panic_text(&*panic));
        Err(Error::new(ErrorKind::Config, message))
    })
}

fn put_together(
    service: &'static str,
    settings: &HttpSettings,
    routes: Routes,
    extend: impl FnOnce(Router) -> Router,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] database: Option<&crate::data::Database>,
) -> Result<Built> {
    let detached = TaskTracker::new();
    let shared = Arc::new(Shared { service, body_limit: settings.body_limit, detached: detached.clone() });
    let limit = settings.limit.policy()?;
    let by_hand = Arc::new(ByHand {
        shared: Arc::clone(&shared),
        deadline: settings.deadline,
        limit: limit.clone(),
        routes: Mutex::default(),
    });
    // A fallback of the service's own takes the place of this one.
    let empty = Router::new().fallback(async || not_found());
    let mut router = extend(empty).layer(layer_fn(move |handler| Guarded { by_hand: Arc::clone(&by_hand), handler }));
    for (spec, endpoint) in routes.into_entries() {
        let filter = MethodFilter::try_from(spec.method.clone()).map_err(|_| {
            Error::new(ErrorKind::Config, format!("`{}` cannot be routed: method {}", spec.path, spec.method))
        })?;
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        let endpoint = match database.filter(|_| keeps_answers(&spec)) {
            Some(database) => idempotent::keeping(
                database.clone(),
                format!("{} {}", spec.method, spec.path),
                spec.timeout.unwrap_or(settings.deadline) + LEASE_MARGIN,
                settings.body_limit,
                endpoint,
            ),
            None => endpoint,
        };
        let route = Route {
            shared: Arc::clone(&shared),
            pattern: Some(spec.path),
            // Routes last as long as the process.
            span_name: format!("{} {}", spec.method, spec.path).leak(),
            deadline: spec.timeout.unwrap_or(settings.deadline),
            instruments: Instruments::new(service, Some(spec.method), spec.path),
            limit: limit.as_ref().map(|policy| RouteLimit::new(policy, service, spec.path)),
        };
        router = router.route(spec.path, on_service(filter, Fused { route: Arc::new(route), endpoint }));
    }
    let refused = Fused {
        route: Arc::new(Route {
            shared,
            pattern: None,
            span_name: "HTTP",
            deadline: settings.deadline,
            instruments: Instruments::new(service, None, ""),
            limit: None,
        }),
        endpoint: Arc::new(|_| Box::pin(async { method_not_allowed() })),
    };
    router = router.method_not_allowed_fallback(move |request: Request| {
        let mut refused = refused.clone();
        async move { refused.call(request).await }
    });
    Ok(Built { router, detached })
}

/// Beyond its deadline a request that changes something goes on; for so long nobody else may begin it.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
const LEASE_MARGIN: tokio::time::Duration = tokio::time::Duration::from_secs(30);

/// A contract's implementation keeps its own promises; of other routes the answers are kept here.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn keeps_answers(spec: &super::RouteSpec) -> bool {
    spec.idempotent && spec.contract.is_none() && !spec.method.is_idempotent()
}

/// Routes that the service has added by itself: they meet the same as the declared ones.
struct ByHand {
    shared: Arc<Shared>,
    deadline: tokio::time::Duration,
    limit: Option<AdaptiveLimitPolicy>,
    /// By pattern. There are as many as were added.
    routes: Mutex<HashMap<String, Arc<Route>>>,
}

impl ByHand {
    fn route(&self, request: &Request) -> Arc<Route> {
        let matched = request.extensions().get::<MatchedPath>();
        let pattern = matched.map(MatchedPath::as_str).unwrap_or_default();
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(pattern) {
            return Arc::clone(route);
        }
        let pattern: &'static str = pattern.to_owned().leak();
        let route = Arc::new(Route {
            shared: Arc::clone(&self.shared),
            pattern: Some(pattern).filter(|pattern| !pattern.is_empty()),
            span_name: format!("HTTP {pattern}").trim_end().to_owned().leak(),
            deadline: self.deadline,
            instruments: Instruments::new(self.shared.service, None, pattern),
            limit: self.limit.as_ref().map(|policy| RouteLimit::new(policy, self.shared.service, pattern)),
        });
        routes.insert(pattern.to_owned(), Arc::clone(&route));
        route
    }
}

#[derive(Clone)]
struct Guarded<S> {
    by_hand: Arc<ByHand>,
    handler: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let handler = self.handler.clone();
        let endpoint: Endpoint = Arc::new(move |request| {
            let handler = handler.clone();
            Box::pin(async move { handler.oneshot(request).await.unwrap_or_else(|never| match never {}) })
        });
        Fused { route: self.by_hand.route(&request), endpoint }.call(request)
    }
}

fn not_found() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found").detail("There is nothing at this address.").into_response()
}

fn method_not_allowed() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
        .detail("This address does not answer that method; the header `allow` says which it does.")
        .into_response()
}

#[cfg(test)]
mod tests;

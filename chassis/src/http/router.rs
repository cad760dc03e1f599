//! From declared routes to an axum router.

use std::collections::BTreeMap;
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
use super::policies::{Policies, Sources};
use super::problem::Problem;
use super::route::{Endpoint, RouteSpec, Routes};
use crate::config::Faults;
use crate::error::panic_text;
use crate::resilience::adaptive::AdaptiveLimit;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// The router of one service, and the work of its that outlives its clients.
pub(crate) struct Built {
    pub(crate) router: Router,
    pub(crate) detached: TaskTracker,
    /// What was declared of each route, and what guards it.
    pub(crate) routes: Vec<(RouteSpec, Policies)>,
    /// Those that were not declared.
    pub(crate) by_hand: Arc<ByHand>,
}

/// Builds the router of a service from its declared routes and what it adds by hand.
///
/// # Errors
/// When a method cannot be routed, two routes are in each other's way, or policies contradict each other.
pub(crate) fn build(
    service: &'static str,
    sources: Sources<'_>,
    routes: Routes,
    extend: impl FnOnce(Router) -> Router,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] database: Option<&crate::data::Database>,
) -> Result<Built> {
    // axum says by a panic that routes cannot be put together.
    let put_together = panic::catch_unwind(AssertUnwindSafe(|| {
        put_together(
            service,
            sources,
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
    sources: Sources<'_>,
    routes: Routes,
    extend: impl FnOnce(Router) -> Router,
    #[cfg(any(feature = "sqlite", feature = "postgres"))] database: Option<&crate::data::Database>,
) -> Result<Built> {
    let detached = TaskTracker::new();
    let limits = &sources.settings.limit;
    let shared = Arc::new(Shared {
        service,
        adaptive: limits.policy()?,
        limit: limits.shared()?.map(AdaptiveLimit::new),
        detached: detached.clone(),
    });
    let plain = sources.plain();
    let by_hand = Arc::new(ByHand {
        other: Arc::new(Route::new(&shared, None, "", &plain)?),
        shared: Arc::clone(&shared),
        policies: sources.plain(),
        routes: Mutex::default(),
    });
    // A fallback of the service's own takes the place of this one.
    let empty = Router::new().fallback(async || not_found());
    let guard = {
        let by_hand = Arc::clone(&by_hand);
        layer_fn(move |handler| Guarded { by_hand: Arc::clone(&by_hand), handler })
    };
    let mut router = extend(empty).layer(guard);
    let (specs, endpoints): (Vec<RouteSpec>, Vec<Endpoint>) = routes.into_entries().into_iter().unzip();
    let mut faults = Faults::default();
    let policies = sources.all(&specs, &mut faults);
    faults.or(())?;
    let mut shown = Vec::new();
    for ((spec, endpoint), policies) in specs.into_iter().zip(endpoints).zip(policies) {
        let filter = MethodFilter::try_from(spec.method.clone()).map_err(|_| {
            Error::new(ErrorKind::Config, format!("`{}` cannot be routed: method {}", spec.path, spec.method))
        })?;
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        let endpoint = match database.filter(|_| policies.keeps_answers) {
            Some(database) => idempotent::keeping(
                database.clone(),
                format!("{} {}", spec.method, spec.path),
                policies.timeout.value + LEASE_MARGIN,
                policies.body_limit.value,
                endpoint,
            ),
            None => endpoint,
        };
        let route = Route::new(&shared, Some(spec.method.clone()), spec.path, &policies)?;
        router = router.route(spec.path, on_service(filter, Fused { route: Arc::new(route), endpoint }));
        shown.push((spec, policies));
    }
    let refused = Fused {
        route: Arc::new(Route::new(&shared, None, "", &plain)?.unlimited()),
        endpoint: Arc::new(|_| Box::pin(async { method_not_allowed() })),
    };
    router = router.method_not_allowed_fallback(move |request: Request| {
        let mut refused = refused.clone();
        async move { refused.call(request).await }
    });
    Ok(Built { router, detached, routes: shown, by_hand })
}

/// Beyond its deadline a request that changes something goes on; for so long nobody else may begin it.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
const LEASE_MARGIN: tokio::time::Duration = tokio::time::Duration::from_secs(30);

/// Routes that the service has added by itself: they meet the same as the declared ones.
pub(crate) struct ByHand {
    shared: Arc<Shared>,
    /// What guards each of them.
    pub(crate) policies: Policies,
    /// By pattern. There are as many as were added, as far as somebody has asked for them: axum does not tell before.
    routes: Mutex<BTreeMap<String, Arc<Route>>>,
    /// What takes requests that match none of them.
    other: Arc<Route>,
}

impl ByHand {
    /// The patterns that have been asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn route(&self, request: &Request) -> Arc<Route> {
        let Some(pattern) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
            return Arc::clone(&self.other);
        };
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(pattern) {
            return Arc::clone(route);
        }
        let name: &'static str = pattern.to_owned().leak();
        // The same policies have made a route before.
        let Ok(route) = Route::new(&self.shared, None, name, &self.policies).map(Arc::new) else {
            return Arc::clone(&self.other);
        };
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

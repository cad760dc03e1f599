//! The order in which a call is guarded: total deadline → retry → breaker → bulkhead → attempt time-out → balancer →
//! connection.
//!
//! This is the one place where a layer is added.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use http::Response;
use http::uri::{Authority, Scheme};
use tower::layer::layer_fn;
use tower::util::{Either, MapErrLayer};
use tower::{Service, ServiceBuilder, ServiceExt};

use super::ClientSettings;
use super::answered::Answered;
use super::attempt::Attempts;
use super::balance::{Balanced, Balancer};
use super::call::Call;
use super::instances;
use super::instruments::Instruments;
use super::rules::{Repeatable, health};
use super::settings::{BreakerMode, Policies};
use super::total::Total;
use super::transport::Transport;
use crate::discovery::Discovery;
use crate::resilience::GuardError;
use crate::resilience::bulkhead::{Bulkhead, BulkheadFull, BulkheadLayer};
use crate::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitOpen};
use crate::resilience::retry::RetryLayer;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// Everything that guards a call, whatever it consists of.
pub(super) trait Stack: Send + Sync {
    /// Makes a call.
    fn make(&self, call: Arc<Call>) -> BoxFuture<'static, Result<Response<Answered>>>;
}

/// Unlike tower's boxed services this one is not boxed anew for each call, and it does not wait until it is ready: no layer
/// of it is ever not, as each asks for its place when it is called.
impl<S> Stack for S
where
    S: Service<Arc<Call>, Response = Response<Answered>, Error = Error, Future: Send> + Clone + Send + Sync + 'static,
{
    fn make(&self, call: Arc<Call>) -> BoxFuture<'static, Result<Response<Answered>>> {
        let mut stack = self.clone();
        match stack.poll_ready(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Box::pin(stack.call(call)),
            Poll::Ready(Err(error)) => Box::pin(std::future::ready(Err(error))),
            Poll::Pending => Box::pin(stack.oneshot(call)),
        }
    }
}

/// The stack of one service, and what of it an operator looks at.
pub(super) struct Built {
    pub(super) stack: Box<dyn Stack>,
    pub(super) breaker: CircuitBreaker,
    /// Where the instances are known.
    pub(super) instances: Option<Instances>,
}

/// The instances of a service: how they are found, and how they are.
pub(super) struct Instances {
    pub(super) discovery: Discovery,
    pub(super) balancer: Arc<Balancer>,
}

/// The stack of one service.
pub(super) fn build(
    scheme: &Scheme,
    authority: &Authority,
    settings: &ClientSettings,
    policies: &Policies,
    instruments: &Instruments,
) -> Result<Built> {
    let breaker = CircuitBreaker::new(policies.breaker.clone());
    match settings.breaker.mode {
        BreakerMode::Automatic => {}
        BreakerMode::ForcedOpen => breaker.force_open(),
        BreakerMode::Disabled => breaker.disable(),
    }
    instruments.follow(&breaker);
    let repeatable = Repeatable::new(settings.retry.body_limit, instruments.clone());
    let (refusals, crowds) = (instruments.clone(), instruments.clone());
    let discovery = instances::discovery(scheme, authority, settings)?;
    // Instances are called by address, and are to show the certificate of their name.
    let name = discovery.as_ref().map(|_| authority.host());
    let transport = Transport::new(scheme, name, settings)?;
    let mut found = None;
    let connection = match discovery {
        None => Either::Left(transport),
        Some(discovery) => {
            let balancer = Balancer::new(settings.balance.clone(), policies.timeouts.attempt, instruments.balancing());
            let Instances { discovery, balancer } = found.insert(Instances { discovery, balancer: Arc::new(balancer) });
            Either::Right(Balanced::new(transport, Arc::clone(balancer), discovery.clone()))
        }
    };
    let stack = ServiceBuilder::new()
        .layer(layer_fn(Total))
        .layer(RetryLayer::new(policies.retry.clone(), repeatable))
        .layer(MapErrLayer::new(move |error: GuardError<CircuitOpen, Error>| {
            error.into_one(|open| refused(&refusals, open), |error| error)
        }))
        .layer(CircuitBreakerLayer::new(breaker.clone()).classify(health))
        .layer(MapErrLayer::new(move |error: GuardError<BulkheadFull, Error>| {
            error.into_one(|full| crowded(&crowds, full), |error| error)
        }))
        .layer(BulkheadLayer::new(Bulkhead::new(policies.bulkhead)))
        .layer(layer_fn(Attempts))
        .service(connection);
    Ok(Built { stack: Box::new(stack), breaker, instances: found })
}

fn refused(instruments: &Instruments, open: CircuitOpen) -> Error {
    instruments.refused();
    Error::new(ErrorKind::CircuitOpen, "not called, as it failed too often").with_source(open)
}

fn crowded(instruments: &Instruments, full: BulkheadFull) -> Error {
    instruments.crowded();
    Error::new(ErrorKind::Overloaded, "not called, as too many calls of it are under way").with_source(full)
}

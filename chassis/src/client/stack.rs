//! The order in which a call is guarded: total deadline → retry → breaker → bulkhead → attempt time-out →
//! connection.
//!
//! This is the one place where a layer is added.

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use tower::ServiceBuilder;
use tower::util::{BoxCloneSyncService, MapErrLayer};

use super::ClientSettings;
use super::bounded::{attempt, total};
use super::instruments::Instruments;
use super::rules::{Repeatable, health};
use super::settings::{BreakerMode, Policies};
use super::transport::Transport;
use crate::resilience::GuardError;
use crate::resilience::bulkhead::{Bulkhead, BulkheadFull, BulkheadLayer};
use crate::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitOpen};
use crate::resilience::retry::RetryLayer;
use crate::{Error, ErrorKind, Result};

pub(super) use super::bounded::Limits;

/// A call with everything that guards it.
pub(super) type Stack = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Error>;

/// The stack of one service, and its breaker.
pub(super) fn build(
    scheme: &Scheme,
    settings: &ClientSettings,
    policies: &Policies,
    instruments: &Instruments,
) -> Result<(Stack, CircuitBreaker)> {
    let breaker = CircuitBreaker::new(policies.breaker.clone());
    match settings.breaker.mode {
        BreakerMode::Automatic => {}
        BreakerMode::ForcedOpen => breaker.force_open(),
        BreakerMode::Disabled => breaker.disable(),
    }
    instruments.follow(&breaker);
    let repeatable = Repeatable::new(settings.retry.body_limit, instruments.clone());
    let (refusals, crowds) = (instruments.clone(), instruments.clone());
    let stack = ServiceBuilder::new()
        .layer(total())
        .layer(RetryLayer::new(policies.retry.clone(), repeatable))
        .layer(MapErrLayer::new(move |error: GuardError<CircuitOpen, Error>| {
            error.into_one(|open| refused(&refusals, open), |error| error)
        }))
        .layer(CircuitBreakerLayer::new(breaker.clone()).classify(health))
        .layer(MapErrLayer::new(move |error: GuardError<BulkheadFull, Error>| {
            error.into_one(|full| crowded(&crowds, full), |error| error)
        }))
        .layer(BulkheadLayer::new(Bulkhead::new(policies.bulkhead)))
        .layer(attempt())
        .service(Transport::new(scheme, settings)?);
    Ok((BoxCloneSyncService::new(stack), breaker))
}

fn refused(instruments: &Instruments, open: CircuitOpen) -> Error {
    instruments.refused();
    Error::new(ErrorKind::CircuitOpen, "not called, as it failed too often").with_source(open)
}

fn crowded(instruments: &Instruments, full: BulkheadFull) -> Error {
    instruments.crowded();
    Error::new(ErrorKind::Overloaded, "not called, as too many calls of it are under way").with_source(full)
}

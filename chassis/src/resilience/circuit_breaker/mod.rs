//! Stops calling what does not answer: it gets the time to recover, and callers get their answer at once.
//!
//! Closed, calls pass and are counted. When of the calls in the window too many failed, or too many were slow, the circuit
//! opens: calls are refused with [`CircuitOpen`], which says when to come back. After the open time it is half-open: some
//! calls pass as probes, whose results close it or open it again. An operator can
//! [force it open](CircuitBreaker::force_open) or [disable](CircuitBreaker::disable) it.
//!
//! A call that is given up before it ends, or whose result is [`Ignored`](crate::resilience::Outcome::Ignored), says nothing, and a
//! probe given up leaves its place to another; given up after it was slow already, it counts as slow.
//!
//! ```
//! use chassis::resilience::GuardError;
//! use chassis::resilience::circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, CircuitBreakerPolicy, Status};
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let policy = CircuitBreakerPolicy::builder()
//!     .time_window(Duration::from_secs(10))
//!     .min_calls(5)
//!     .failure_rate(0.5)
//!     .open_for(Duration::from_secs(5))
//!     .build()?;
//! let breaker = CircuitBreaker::new(policy);
//! let mut inventory = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(breaker.clone()))
//!     .service(service_fn(|_: u32| async { Err::<u32, _>("gone") }));
//!
//! for _ in 0..5 {
//!     let error = inventory.ready().await.unwrap().call(7).await.unwrap_err();
//!     assert_eq!(error, GuardError::Inner("gone"));
//! }
//! assert_eq!(breaker.status(), Status::Open);
//! let error = inventory.ready().await.unwrap().call(7).await.unwrap_err();
//! assert!(matches!(error, GuardError::Refused(open) if open.retry_after.is_some()));
//! # Ok::<(), chassis::resilience::InvalidPolicy>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod breaker;
mod error;
mod event;
mod handle;
mod layer;
mod policy;
mod service;
mod state;

#[cfg(test)]
mod tests;

pub use breaker::{CircuitBreaker, Permit, Recorded};
pub use error::CircuitOpen;
pub use event::{Cause, Counts, Status, Transition};
pub use layer::CircuitBreakerLayer;
pub use policy::{CircuitBreakerPolicy, CircuitBreakerPolicyBuilder, WindowKind};
pub use service::CircuitBreakerService;

//! Tries again what failed by chance, and no more than that.
//!
//! A [`RetryRule`] says which requests may be sent again and which results are a reason to. Pauses have full jitter
//! (<https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>), the other side's word on when to
//! come back is kept, and no attempt begins after the deadline.
//!
//! Retries come out of a [`Budget`]: a fifth of the calls, and ten a second, unless set otherwise. When everything fails
//! they hardly add to the load, whatever the number of attempts is.
//!
//! ```
//! use chassis::resilience::retry::{EveryError, RetryLayer, RetryPolicy};
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let policy = RetryPolicy::builder()
//!     .attempts(3)
//!     .pauses(Duration::from_millis(1), Duration::from_millis(20))
//!     .build()?;
//! let calls = AtomicU32::new(0);
//! let stock = ServiceBuilder::new().layer(RetryLayer::new(policy, EveryError)).service(service_fn(async |sku: u32| {
//!     if calls.fetch_add(1, Ordering::Relaxed) < 2 { Err("busy") } else { Ok(sku + 1) }
//! }));
//! assert_eq!(stock.oneshot(7).await, Ok(8));
//! # Ok::<(), chassis::resilience::InvalidPolicy>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod budget;
mod future;
mod layer;
mod policy;
mod rule;
mod service;
mod state;

#[cfg(test)]
mod tests;

pub use budget::{Budget, BudgetPolicy};
pub use future::ResponseFuture;
pub use layer::RetryLayer;
pub use policy::{RetryPolicy, RetryPolicyBuilder};
pub use rule::{EveryError, GivenUp, RetryRule, Verdict};
pub use service::RetryService;

//! Lets so many calls pass in so much time, and refuses the others at once, with the time after which to come again.
//!
//! ```
//! use chassis::resilience::GuardError;
//! use chassis::resilience::rate_limit::{RateLimit, RateLimitLayer, RateLimitPolicy};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let limit = RateLimit::new(RateLimitPolicy::per_second(2)?);
//! let mail = RateLimitLayer::new(limit).layer(service_fn(async |n: u32| Ok::<_, &str>(n)));
//! assert!(mail.clone().oneshot(1).await.is_ok());
//! assert!(mail.clone().oneshot(2).await.is_ok());
//! assert!(matches!(mail.oneshot(3).await, Err(GuardError::Refused(limited)) if limited.retry_after.as_millis() < 501));
//! # Ok::<(), chassis::resilience::InvalidPolicy>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod layer;
mod policy;
mod service;
mod state;

use std::fmt;
use std::sync::Arc;

pub use error::RateLimited;
pub use layer::RateLimitLayer;
pub use policy::RateLimitPolicy;
pub use service::RateLimitService;

/// A limit on the rate of calls. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct RateLimit(Arc<state::State>);

impl RateLimit {
    /// A limit under which nothing has passed yet.
    pub fn new(policy: RateLimitPolicy) -> Self {
        Self(Arc::new(state::State::new(policy, tokio::time::Instant::now().into_std())))
    }

    /// Asks whether a call may pass.
    ///
    /// # Errors
    /// When it may not, with the time after which it may.
    pub fn try_acquire(&self) -> Result<(), RateLimited> {
        self.try_acquire_at(tokio::time::Instant::now().into_std())
    }

    /// The same at a moment that the caller knows.
    ///
    /// # Errors
    /// When it may not, with the time after which it may.
    pub fn try_acquire_at(&self, now: std::time::Instant) -> Result<(), RateLimited> {
        self.0.try_acquire(now)
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RateLimit")
    }
}

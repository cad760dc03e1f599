//! Lets in as many calls at the same time as are answered without waiting for each other, and refuses the others at once.
//!
//! How many that are is learnt from how long calls take: nobody has to know it, and it follows when it changes. Of those who
//! come when there is little room, the less important ones are refused first.
//!
//! ```
//! use chassis::resilience::GuardError;
//! use chassis::resilience::adaptive::{AdaptiveLimit, AdaptiveLimitLayer, AdaptiveLimitPolicy};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let limit = AdaptiveLimit::new(AdaptiveLimitPolicy::builder().limits(100, 20, 1000).build()?);
//! let stock = AdaptiveLimitLayer::new(limit).layer(service_fn(async |sku: u32| Ok::<_, &str>(sku)));
//! match stock.oneshot(7).await {
//!     Ok(sku) => assert_eq!(sku, 7),
//!     Err(GuardError::Refused(full)) => println!("503, retry-after: {}", full.retry_after.as_secs()),
//!     Err(GuardError::Inner(error)) => println!("{error}"),
//! }
//! # Ok::<(), chassis::resilience::InvalidPolicy>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod family;
mod layer;
mod limit;
mod policy;
mod service;
mod state;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use layer::{AdaptiveLimitLayer, AnswersCount};
pub use limit::{AdaptiveLimit, Entry};
pub use policy::{AdaptiveLimitPolicy, AdaptiveLimitPolicyBuilder};
pub use service::{AdaptiveLimitService, PriorityOf};

/// There is no room for another call of this priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// After how long to come again.
    pub retry_after: Duration,
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is too much to do; try again in {} ms", self.retry_after.as_millis())
    }
}

impl std::error::Error for LimitReached {}

/// How much a call matters when there is not room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// It can wait: seven tenths of the room are open to it.
    Sheddable,
    /// Nine tenths of the room are open to it.
    #[default]
    Default,
    /// All of the room is open to it.
    Critical,
}

impl Priority {
    /// All of them, from the first to be refused on.
    pub const ALL: [Self; 3] = [Self::Sheddable, Self::Default, Self::Critical];

    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sheddable => "sheddable",
            Self::Default => "default",
            Self::Critical => "critical",
        }
    }

    /// How many calls may be in flight for one of this priority to be let in; at least one.
    fn share_of(self, limit: u32) -> u32 {
        let tenths = match self {
            Self::Sheddable => 7,
            Self::Default => 9,
            Self::Critical => 10,
        };
        u32::try_from(u64::from(limit) * tenths / 10).unwrap_or(limit).max(1)
    }

    /// How many of one kind may be in flight where several kinds share the limit.
    fn share_of_one(self, limit: u32) -> u32 {
        match self {
            Self::Sheddable | Self::Default => limit.div_ceil(2),
            Self::Critical => limit - limit / 4,
        }
    }
}

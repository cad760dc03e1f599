//! Which instance of a service a call goes to.
//!
//! Of two instances that chance picks the one of lower load is taken (*power of two choices*), load being its latency,
//! as a moving average that jumps at once to a peak, times the calls that are under way (*peak EWMA*). A failure costs
//! what an attempt that timed out costs, so that an instance that fails fast does not look like the best one; one that
//! keeps failing is [ejected](outlier) for a while, and comes back, like a new one, with a share that grows.
//!
//! * `load`, `outlier` and `ramp` decide for one instance, `choice` among them; the time is passed in.
//! * [`Balancer`] holds the instances of one service; `service` is its part in a call.
//!
//! An instance that has left gets no new calls; those under way end as they will.

#[cfg(feature = "client")]
mod balancer;
#[cfg(feature = "client")]
mod choice;
#[cfg(feature = "client")]
mod load;
#[cfg(feature = "client")]
mod node;
#[cfg(feature = "client")]
mod outlier;
mod policy;
#[cfg(feature = "client")]
mod ramp;
#[cfg(feature = "client")]
mod service;
#[cfg(all(test, feature = "client"))]
mod tests;

#[cfg(feature = "client")]
pub(super) use balancer::{Balancer, Following};
#[cfg(feature = "client")]
pub use balancer::{EndpointState, EndpointStatus};
pub use policy::{Balance, BalanceSettings, OutlierSettings};
#[cfg(feature = "client")]
pub(super) use service::Balanced;

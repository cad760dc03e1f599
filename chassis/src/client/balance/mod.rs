//! Which instance of a service a call goes to.
//!
//! Of two instances that chance picks the one of lower load is taken (*power of two choices*), load being its latency,
//! as a moving average that jumps at once to a peak, times the calls that are under way (*peak EWMA*). A failure costs
//! what an attempt that timed out costs, so that an instance that fails fast does not look like the best one; one that
//! keeps failing is [ejected](outlier) for a while, and comes back, like a new one, with a share that grows.
//!
//! * `load`, `outlier` and `ramp` decide for one instance, `choice` among them; the time is passed in.
//! * [`Balancer`] holds the instances of one service; `service` is the layer of a call.
//!
//! An instance that has left gets no new calls; those under way end as they will.

mod balancer;
mod choice;
mod load;
mod node;
mod outlier;
mod policy;
mod ramp;
mod service;
#[cfg(test)]
mod tests;

pub(super) use balancer::Balancer;
pub use balancer::{EndpointState, EndpointStatus};
pub use policy::{Balance, BalanceSettings, OutlierSettings};
pub(super) use service::{Balanced, Tried};

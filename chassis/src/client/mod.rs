//! Calls to other services over HTTP: the remote back of every contract's client.
//!
//! A call goes through `guards`, in a fixed and visible order, down to `transport`, which has the connections.
//! What each carries (deadline, trace, request id, idempotency key) is in docs/wire.md.

mod address;
mod balance;
mod outgoing;
mod settings;
mod timeouts;

#[cfg(feature = "client")]
mod answered;
#[cfg(feature = "client")]
mod attempt;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod connection;
#[cfg(feature = "client")]
mod connector;
#[cfg(feature = "client")]
mod download;
#[cfg(feature = "client")]
mod guards;
#[cfg(feature = "compression")]
mod gzip;
#[cfg(feature = "client")]
mod headers;
#[cfg(feature = "client")]
mod instances;
#[cfg(feature = "client")]
mod instruments;
#[cfg(feature = "client")]
mod registry;
#[cfg(feature = "client")]
mod remote;
#[cfg(feature = "client")]
mod report;
#[cfg(feature = "client")]
mod rules;
#[cfg(feature = "client")]
mod sending;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod upload;
#[cfg(feature = "client")]
mod whole;

pub use balance::{Balance, BalanceSettings, OutlierSettings};
#[cfg(feature = "client")]
pub use balance::{EndpointState, EndpointStatus};
pub(crate) use outgoing::Outgoing;
#[cfg(feature = "client")]
pub(crate) use registry::Clients;
#[cfg(feature = "client")]
pub use remote::Remote;
pub use settings::{
    BreakerMode, BreakerSettings, BudgetSettings, BulkheadSettings, ClientPreset, ClientSettings, HttpVersion, Resolve,
    RetrySettings,
};
pub use timeouts::Timeouts;

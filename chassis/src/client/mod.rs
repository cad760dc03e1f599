//! Calls to other services over HTTP: the remote back of every contract's client.
//!
//! A call goes through the layers of `stack`, in a fixed and visible order, down to `transport`, which has the connections.
//! What each carries (deadline, trace, request id, idempotency key) is in docs/wire.md.

#[cfg(feature = "client")]
mod balance;
mod settings;
mod timeouts;

#[cfg(feature = "client")]
mod remote;
#[cfg(feature = "client")]
mod stack;
#[cfg(feature = "client")]
mod transport;

#[cfg(feature = "client")]
pub(crate) use remote::Outgoing;
#[cfg(feature = "client")]
pub use remote::Remote;
pub use settings::ClientSettings;
pub use timeouts::Timeouts;

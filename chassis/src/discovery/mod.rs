//! Where the instances of a service are, as that changes.
//!
//! A [`Driver`] watches one source and reports every change; [`Discovery`] keeps what it said last. What is there:
//!
//! * [`fixed`]: a list that does not change.
//! * [`file`]: a JSON file that something else keeps up to date.
//! * [`dns`]: the addresses (A, AAAA) or services (SRV) of a name, asked again when their time to live is over (feature `dns`).
//!
//! ```
//! use chassis::discovery::{Discovery, Endpoint, fixed};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let discovery = Discovery::start(fixed::List::new(["10.0.0.1:8080", "10.0.0.2:8080"].map(Endpoint::new)));
//! let found = discovery.found().await;
//! assert_eq!(found.endpoints.len(), 2);
//! # });
//! ```
//!
//! Invariant: an error never takes an endpoint away. A source that cannot be read leaves what was found before, and says
//! so; only a source that answers that there is nothing leaves nothing.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(feature = "dns")]
pub mod dns;
mod driver;
mod endpoint;
pub mod file;
pub mod fixed;
mod snapshot;

pub use driver::{Driver, Reporter};
pub use endpoint::Endpoint;
pub use snapshot::{Discovery, Snapshot};

#[cfg(test)]
mod tests;

//! The service's own listener: routes, extraction, errors.

mod args;
mod cause;
mod closing;
pub(crate) mod fault;
mod fused;
mod guards;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod idempotent;
mod instruments;
pub(crate) mod json;
mod limit;
pub(crate) mod overrides;
pub(crate) mod policies;
pub mod problem;
mod refusal;
mod route;
pub(crate) mod router;
pub(crate) mod server;
mod settings;
pub(crate) mod stream;
pub(crate) mod unexpected;

#[cfg(feature = "client")]
pub(crate) use fused::DEADLINE;

pub use args::{ArgLast, ArgParts, Reply};
pub use guards::{Guards, Limit, Rate};
pub use json::Json;
pub use overrides::{RouteSettings, Written};
pub use problem::{FieldFault, Problem};
pub use route::{Describe, Endpoint, RouteSpec, Routes};
pub use settings::{HttpSettings, LimitSettings, ManagementSettings};
pub use stream::{ByteStream, TooLarge};

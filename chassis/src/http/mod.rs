//! The service's own listener: routes, extraction, errors.

mod args;
mod cause;
pub(crate) mod fault;
mod fused;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod idempotent;
mod instruments;
pub(crate) mod json;
mod limit;
pub mod problem;
mod route;
pub(crate) mod router;
pub(crate) mod server;
mod settings;
pub(crate) mod unexpected;

#[cfg(feature = "client")]
pub(crate) use fused::DEADLINE;

pub use args::{ArgLast, ArgParts, Reply};
pub use json::Json;
pub use problem::{FieldFault, Problem};
pub use route::{Endpoint, RouteSpec, Routes};
pub use settings::{HttpSettings, LimitSettings, ManagementSettings};

//! Whether the process works: live, ready and start-up, from checks that run in the background.
//!
//! Liveness never looks at other systems. Readiness is the worst of all required parts; a part that only degrades shows
//! as `degraded`, which still takes traffic.

mod check;
mod registry;

pub use check::{Check, CheckOutcome};
pub use registry::{Entry, Health, Impact, Phase, Registry, Reporter};

//! Work that runs by the clock: every so often, or by a crontab expression.

mod runner;
mod schedule;

pub use runner::{Job, JobHandle};
pub use schedule::{InvalidSchedule, Schedule};

//! What tests need (feature `testing`): whole applications inside the test, and golden files of events.

mod app;
#[cfg(feature = "messaging")]
pub mod golden;

#[cfg(feature = "messaging")]
pub use crate::messaging::memory::{Activity, Handled, Parked, Scheduled, Sent};
pub use app::{RunningApp, TestApp};

//! What tests need (feature `testing`): whole applications inside the test.

mod app;

#[cfg(feature = "messaging")]
pub use crate::messaging::memory::{Activity, Handled, Parked, Scheduled, Sent};
pub use app::{RunningApp, TestApp};

//! What tests need, with the feature `testing`: failpoints, and whole applications inside the test.

#[cfg(feature = "testing")]
mod app;
mod failpoint;

#[cfg(all(feature = "testing", feature = "messaging"))]
pub use crate::messaging::memory::{Activity, Handled, Parked, Scheduled, Sent};
#[cfg(feature = "testing")]
pub use app::{RunningApp, TestApp};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use failpoint::reach;

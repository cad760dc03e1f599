//! What tests need: failpoints and golden files of events, with the feature `testing`.

mod failpoint;
#[cfg(all(feature = "testing", feature = "messaging"))]
pub mod golden;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use failpoint::reach;

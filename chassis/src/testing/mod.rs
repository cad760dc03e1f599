//! What tests need: failpoints, with the feature `testing`.

mod failpoint;

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use failpoint::reach;

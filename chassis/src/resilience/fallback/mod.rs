//! Answers in place of what failed: with what was known before, or with less. It belongs outside of all other policies.
//!
//! ```
//! use chassis::resilience::fallback::FallbackLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let recommended = service_fn(async |_user: u32| Err::<Vec<&str>, _>("gone"));
//! // The function decides by the error; what it gives an error for stays one.
//! let layer = FallbackLayer::new(async |error| if error == "gone" { Ok(vec!["mug"]) } else { Err(error) });
//! assert_eq!(layer.layer(recommended).oneshot(7).await, Ok(vec!["mug"]));
//! # });
//! ```

mod future;
mod service;

use tower::Layer;

pub use future::ResponseFuture;
pub use service::FallbackService;

/// Puts a function behind services that is given their errors, and gives the answer instead.
#[derive(Debug, Clone, Copy)]
pub struct FallbackLayer<F>(F);

impl<F> FallbackLayer<F> {
    /// A layer of this function: `Fn(Error) -> Future<Output = Result<Response, Error>>`.
    pub fn new(fallback: F) -> Self {
        Self(fallback)
    }
}

impl<S, F: Clone> Layer<S> for FallbackLayer<F> {
    type Service = FallbackService<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.0.clone())
    }
}

//! Refuses calls while what is below is not ready, where they would wait otherwise.
//!
//! ```
//! use chassis::resilience::load_shed::LoadShedLayer;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let stock = LoadShedLayer.layer(service_fn(async |sku: u32| Ok::<_, &str>(sku)));
//! assert!(stock.oneshot(7).await.is_ok());
//! # });
//! ```

mod service;

use std::fmt;

use tower::Layer;

pub use service::LoadShedService;

/// What is below has no room for another call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overloaded;

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for another call")
    }
}

impl std::error::Error for Overloaded {}

/// Has calls refused where they would wait for the service to be ready.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadShedLayer;

impl<S> Layer<S> for LoadShedLayer {
    type Service = LoadShedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LoadShedService::new(inner)
    }
}

//! Bounds how many calls are under way at once: a dependency that hangs then holds so many and no more.
//!
//! What finds no place may wait for one, in turn, up to a number of calls and up to a time; the others are refused at once.
//!
//! ```
//! use chassis::resilience::bulkhead::{Bulkhead, BulkheadLayer, BulkheadPolicy};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let bulkhead = Bulkhead::new(BulkheadPolicy::builder().concurrent(1).waiting(0, Default::default()).build()?);
//! let stock = BulkheadLayer::new(bulkhead.clone()).layer(service_fn(async |sku: u32| Ok::<_, &str>(sku)));
//! let held = bulkhead.try_acquire().unwrap();
//! assert!(stock.clone().oneshot(7).await.is_err());
//! drop(held);
//! assert!(stock.oneshot(7).await.is_ok());
//! # Ok::<(), chassis::resilience::InvalidPolicy>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod future;
mod places;
mod policy;
mod service;

use std::fmt;

use tower::Layer;

pub use future::ResponseFuture;
pub use places::{Bulkhead, Place};
pub use policy::{BulkheadPolicy, BulkheadPolicyBuilder};
pub use service::BulkheadService;

/// All places are taken, and those to wait in too, or the wait was too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BulkheadFull;

impl fmt::Display for BulkheadFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many calls are under way")
    }
}

impl std::error::Error for BulkheadFull {}

/// Puts a [`Bulkhead`] around services. Every service that it is put around shares its places.
#[derive(Debug, Clone)]
pub struct BulkheadLayer(Bulkhead);

impl BulkheadLayer {
    /// A layer of these places.
    pub fn new(bulkhead: Bulkhead) -> Self {
        Self(bulkhead)
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = BulkheadService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::new(inner, self.0.clone())
    }
}

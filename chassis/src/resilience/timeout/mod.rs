//! Ends calls whose time is over: after a duration, or at a deadline that the request knows.
//!
//! Where the layer stands says what it bounds: outside of a retry the call in all, inside of it each attempt. A call whose
//! deadline has passed is refused before it starts.
//!
//! ```
//! use chassis::resilience::timeout::TimeoutLayer;
//! use std::time::Duration;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let slow = TimeoutLayer::after(Duration::from_millis(10)).layer(service_fn(async |(): ()| {
//!     std::future::pending::<Result<(), &str>>().await
//! }));
//! assert_eq!(slow.oneshot(()).await.unwrap_err().to_string(), "the time is over");
//! # });
//! ```

mod future;
mod service;

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use tower::Layer;

pub use future::ResponseFuture;
pub use service::TimeoutService;

/// The time for the call is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

/// Says until when a request may take.
pub trait Until<Request> {
    /// The moment at which it ends; `None` for no end.
    fn until(&self, request: &Request) -> Option<Instant>;
}

/// So long from the call on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After(Duration);

impl<Request> Until<Request> for After {
    fn until(&self, _: &Request) -> Option<Instant> {
        // What is too far away to be written is never.
        Instant::now().checked_add(self.0)
    }
}

impl<Request, F: Fn(&Request) -> Option<Instant>> Until<Request> for F {
    fn until(&self, request: &Request) -> Option<Instant> {
        self(request)
    }
}

/// Ends calls whose time is over.
#[derive(Debug, Clone, Copy)]
pub struct TimeoutLayer<U>(U);

impl TimeoutLayer<After> {
    /// Ends calls that take longer than this.
    pub fn after(time: Duration) -> Self {
        Self(After(time))
    }
}

impl<U> TimeoutLayer<U> {
    /// Ends calls at the deadline that this function knows of the request; `None` for one without.
    pub fn deadline(until: U) -> Self {
        Self(until)
    }
}

impl<S, U: Clone> Layer<S> for TimeoutLayer<U> {
    type Service = TimeoutService<S, U>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(inner, self.0.clone())
    }
}

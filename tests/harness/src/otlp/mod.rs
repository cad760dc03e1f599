//! A collector of traces that speaks OTLP over HTTP.
//!
//! ```no_run
//! # async fn test() {
//! let collector = harness::otlp::Collector::start().await;
//! println!("OTEL_EXPORTER_OTLP_ENDPOINT={}", collector.endpoint());
//! let trace = collector.wait_for_tree("0af7651916cd43dd8448eb211c80319c", &["storefront", "orders"]).await;
//! assert_eq!(trace.root().name, "POST /orders");
//! # }
//! ```

mod collector;
mod span;
mod trace;

pub use collector::Collector;
pub use span::{Kind, Span};
pub use trace::Trace;

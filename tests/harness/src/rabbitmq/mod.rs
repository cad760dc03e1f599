//! Real RabbitMQ brokers.
//!
//! A test that only talks to a broker takes a virtual host of its own on the broker of the run:
//!
//! ```no_run
//! # async fn test() {
//! let host = harness::rabbitmq::virtual_host("orders").await;
//! println!("connect to {}", host.uri());
//! assert_eq!(host.messages("orders.placed").await, None); // no such queue yet
//! # }
//! ```
//!
//! A test that stops, kills or blocks a broker starts one of its own:
//!
//! ```no_run
//! # async fn test() {
//! let broker = harness::rabbitmq::Broker::start().await;
//! broker.kill().await;
//! broker.restart().await; // same ports, same data
//! # }
//! ```

mod broker;
mod host;
mod management;
mod node;

pub use broker::{Broker, Options};
pub use host::{VirtualHost, virtual_host};

/// The variable with the URI of the broker of the run.
pub const URI_VARIABLE: &str = "CHASSIS_TEST_RABBITMQ";
/// The variable with the path of the file that describes the broker of the run.
pub const NODE_VARIABLE: &str = "CHASSIS_TEST_RABBITMQ_NODE";

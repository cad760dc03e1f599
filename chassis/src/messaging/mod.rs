//! Events: portable types over a small [`driver`] trait.
//!
//! Reading order:
//!
//! * [`Event`] is what a service publishes, [`Publisher`] how, [`Delivery`] how a handler gets it.
//! * [`envelope`] is how an event becomes a [`Message`] and back; [`names`] what exchanges and queues are called.
//! * [`consumer`] runs one handler on one queue: concurrency, retries, parking, supervision, drain.
//! * [`dead_letters`] is what an operator does about messages that were parked.
//! * [`driver`] is what a transport must do. [`memory`] and `local` (feature `sqlite`) are one engine with two stores,
//!   `amqp` (feature `amqp`) is RabbitMQ; [`connect`] picks by the settings.
//! * `conformance` (feature `testing`) is the suite that every driver passes.

#[cfg(feature = "amqp")]
pub mod amqp;
mod backoff;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod connect;
pub mod consumer;
pub mod dead_letters;
mod delivery;
pub mod driver;
mod engine;
pub mod envelope;
mod event;
mod headers;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod inbox;
pub mod limits;
#[cfg(feature = "sqlite")]
pub mod local;
mod measures;
pub mod memory;
mod message;
pub mod names;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod outbox;
mod publisher;
mod received;
mod settings;

pub use connect::connect;
pub use delivery::Delivery;
pub use engine::QueueDepth;
pub use envelope::{Envelope, Malformed};
pub use event::Event;
pub use headers::Headers;
pub use message::Message;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use publisher::AsTx;
pub use publisher::Publisher;
pub use received::{Received, Undecodable};
pub use settings::{LocalSettings, MemorySettings, MessagingSettings, RabbitmqSettings, Transport};

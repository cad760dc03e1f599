//! RabbitMQ, over AMQP 0-9-1.
//!
//! ```no_run
//! # async fn example() -> Result<(), chassis::messaging::amqp::ConnectError> {
//! use chassis::messaging::amqp::{self, AmqpSettings};
//!
//! let broker = amqp::connect(&AmqpSettings::new("amqp://user:password@rabbitmq:5672/shop")).await?;
//! # Ok(()) }
//! ```
//!
//! The client library beneath is lapin with its own recovery switched off, since that one doubles bindings, releases
//! publishers before the topology is back and gives up silently. What stands here instead:
//!
//! * two connections, one to publish and one to consume, so that a broker that blocks publishers still takes
//!   acknowledgements; each has a `supervisor` that makes it again for ever, with full jitter;
//! * a `registry` of everything that was declared, replayed before any publish is released;
//! * one `publisher` task that owns its channel: messages are sent without waiting for each other, and `confirms` and
//!   returned messages are read as they come and can't be given to the wrong one;
//! * a channel per `consumer`, rebuilt alone when it fails, whose acknowledgements travel together;
//! * an `inspect`ion that shows what stands in a queue and puts it back in its order, which AMQP has no words for;
//! * a way to `remove` queues of which nothing is lost;
//! * a `screen` before lapin, which mends what some sender has made so that lapin would break of it;
//! * a `probe` that looks at the queues of the handlers now and then, so that their depth is known and one that was deleted
//!   comes back though nobody happens to read it.
//!
//! | metric | says |
//! |---|---|
//! | `chassis_messaging_connection_state` | 1 for the `state` that the `connection` (`publisher`, `consumer`) is in |
//! | `chassis_messaging_connection_opened_total`, `chassis_messaging_connection_lost_total` | connections made and lost |
//! | `chassis_messaging_connection_failures_total` | attempts to connect that failed |
//! | `chassis_messaging_topology_replays_total` | how often everything was declared again |
//! | `chassis_messaging_queue_ready` | messages that wait in a handler's queue |
//! | `chassis_messaging_queues_redeclared_total` | queues that were found missing and made again |
//! | `chassis_messaging_queue_differs` | 1 for a queue that exists with other arguments, though with none that matter |
//! | `chassis_messaging_unroutable_total` | events that no queue took |
//!
//! The body of a message and its headers have limits which are checked before anything is sent, as the broker answers
//! what is too large by closing the connection.

mod confirms;
mod consumer;
mod declare;
mod difference;
mod driver;
mod encode;
mod error;
mod inspect;
mod instruments;
mod link;
mod probe;
mod publisher;
mod registry;
mod remove;
mod screen;
mod settings;
mod side;
mod supervisor;
mod uri;

pub use driver::{Amqp, connect};
pub use error::ConnectError;
pub use settings::{AmqpSettings, Identity, Tls};

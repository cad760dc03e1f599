//! The RabbitMQ driver against a real broker.

#![allow(clippy::unwrap_used, missing_docs)]

mod conformance;
mod connecting;
mod consuming;
mod kit;
mod publishing;
mod recovering;
mod tls;

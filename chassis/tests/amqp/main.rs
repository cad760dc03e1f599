//! The RabbitMQ driver against a real broker.

#![allow(clippy::unwrap_used, missing_docs)]

mod channels;
mod conformance;
mod connecting;
mod consuming;
mod handling;
mod kit;
mod orders;
mod otherwise;
mod publishing;
mod raw;
mod recovering;
mod removing;
mod restarting;
mod tls;

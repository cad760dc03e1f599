//! Consumers in transactions over the local and memory transports, and processes that are killed in between.
#![cfg(all(feature = "messaging", feature = "sqlite", feature = "testing"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod batches;
mod declared;
mod killed;
mod stock;
mod transactions;

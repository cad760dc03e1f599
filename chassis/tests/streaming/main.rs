//! Streams in contracts and routes: over sockets, inside the process, doubled and described.
#![cfg(all(feature = "client", feature = "testing"))]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod broken;
mod closing;
mod described;
mod downloads;
mod guards;
mod inside;
mod routes;
mod uploads;
mod vault;

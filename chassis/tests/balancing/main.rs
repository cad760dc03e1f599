//! Calls over the instances of a service: found, chosen, left out and drained, over real sockets and a real DNS server.
#![cfg(all(feature = "client", feature = "dns", feature = "testing"))]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod calls;
mod compressed;
mod dns;
mod http2;
#[cfg(feature = "compression")]
mod http2_misbehaving;
mod operator;
mod replica;

//! Each policy as a plain layer, put around the routes of a running server or around calls to one, over sockets: its effect is
//! counted.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod calls;
mod host;
mod routes;

//! Contracts, through their generated code: over the network, inside the process, doubled and described.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

mod describe;
mod doubles;
mod errors;
mod local;
mod misbehaving;
mod remote;
mod requests;
mod shape;
mod support;

//! Databases, transactions, leases, the outbox and the inbox, on each engine that the build has.
//!
//! The tests on PostgreSQL make databases of their own in the server that `CHASSIS_TEST_POSTGRES` names, as
//! `postgres://user:password@host:port/postgres`; `tests/run` starts one.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![allow(missing_docs, clippy::unwrap_used)]

#[cfg(feature = "messaging")]
mod broker;
#[cfg(feature = "messaging")]
mod clock;
mod database;
#[cfg(feature = "messaging")]
mod desk;
#[cfg(feature = "postgres")]
mod faults;
#[cfg(all(feature = "messaging", feature = "postgres"))]
mod handlers;
#[cfg(feature = "messaging")]
mod inbox;
#[cfg(all(feature = "messaging", feature = "testing"))]
mod killed;
mod lease;
#[cfg(all(feature = "messaging", feature = "sqlite", feature = "testing"))]
mod letters;
#[cfg(all(feature = "messaging", feature = "testing"))]
mod orphans;
#[cfg(feature = "messaging")]
mod outbox;
#[cfg(feature = "messaging")]
mod relays;
#[cfg(feature = "messaging")]
mod stalled;
mod support;
#[cfg(feature = "messaging")]
mod unheard;

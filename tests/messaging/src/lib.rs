//! Messaging under faults.
//!
//! * [`ledger`] is a service as services are: it publishes by its outbox and handles by its inbox.
//! * [`place`] is where one runs: a database, ports, a broker.
//! * [`counting`] restarts the broker and kills the service while messages flow, and counts what became of them.

#![allow(clippy::expect_used, reason = "it is for tests, which fail by a panic that says what is wrong")]

pub mod counting;
pub mod ledger;
pub mod place;

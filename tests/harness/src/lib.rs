//! What the tests of the library and of the shop stand on: real servers of the test's own, processes that can be killed,
//! and instruments to look at what they did.
//!
//! * [`rabbitmq`] and [`postgres`]: a virtual host or a database per test on the servers of the run, or servers of the
//!   test's own where it stops or kills them.
//! * [`process`]: programs whose output can be waited for and which can be killed and started again.
//! * [`proxy`]: a TCP proxy which swallows, cuts and heals.
//! * [`dns`]: a DNS server that knows what the test says.
//! * [`otlp`]: a collector of traces. [`http`]: a small client. [`browser`]: a real browser.
//! * [`languages`]: Node and Python with the packages that a program pins.
//!
//! The servers of the run are given by `CHASSIS_TEST_RABBITMQ` and `CHASSIS_TEST_POSTGRES`, which the program
//! `harness-servers` sets for the command that it runs:
//!
//! ```text
//! cargo run -p harness --bin harness-servers -- cargo nextest run
//! ```
//!
//! Without them each test process starts servers of its own, which costs seconds per test but needs no preparation.
//!
//! Everything here **panics** with a sentence that says what is wrong: it is for tests. Nothing stays behind when a test
//! process ends, however it ends: [`guard`] sees to that.

pub mod browser;
pub mod dns;
pub mod guard;
pub mod http;
pub mod languages;
pub mod otlp;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod rabbitmq;
mod server;
mod wait;

pub use wait::{eventually, eventually_within};

//! The shop from end to end, in both ways to run it. Each test has a shop of its own.

mod browser;
mod failpoint;
mod kill;
mod opening;
mod orders;
mod support;
mod trace;

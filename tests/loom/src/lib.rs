//! Files of the library, compiled with loom's atomics and locks under the names of `chassis::sync`, and models of how threads use them.
//!
//! loom runs a model in every order of its threads' steps, and with every value that a thread may see by the orderings that the
//! code asks for. Each model is a function beside the files that it is about; `tests/models.rs` runs them.

// The files' own tests run where they belong.
#![cfg(not(test))]
#![allow(dead_code, missing_docs, unreachable_pub, reason = "of the files of another crate only a part is used here")]

pub mod metrics;
pub mod resilience;

mod sync;

//! What threads share memory by.
//!
//! Code whose correctness hangs on the order in which threads see what others write takes its atomics and locks from here.
//! `tests/loom` compiles such a file for itself, with loom's types under the same names, and runs it in every order that the memory
//! model allows.

pub(crate) use std::sync::{Mutex, MutexGuard};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::*;
}

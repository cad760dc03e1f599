//! A whole service whose broker fails, and which is killed itself.

#![allow(clippy::unwrap_used, missing_docs)]

mod counting;
mod process;

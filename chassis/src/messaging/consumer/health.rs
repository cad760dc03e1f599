//! How a consumer is doing.

use std::sync::Arc;

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerHealth {
    /// Its queue is being declared.
    Starting,
    /// It consumes.
    Consuming,
    /// The connection to the broker is down; it consumes again when that is back.
    Disconnected {
        /// What is wrong with the connection.
        cause: Arc<str>,
    },
    /// It ended by itself and will be started again.
    Restarting {
        /// Counted from one since it last consumed.
        attempt: u32,
        /// Why it ended.
        cause: Arc<str>,
    },
    /// It takes no more and finishes what it has begun.
    Draining,
    /// It has ended as asked.
    Stopped,
}

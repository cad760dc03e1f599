//! How a consumer is doing.

use std::sync::Arc;

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerHealth {
    /// Its queue is being declared.
    Starting,
    /// It consumes.
    Consuming,
    /// Its handler failed too often, so that it takes one message at a time until one succeeds.
    HalfOpen {
        /// What the handler failed with.
        cause: Arc<str>,
    },
    /// It takes no messages; they stay in its queue.
    Paused {
        /// What the handler failed with, or what the operator said.
        cause: Arc<str>,
        /// Whether an operator paused it, who alone can resume it. Otherwise it tries again by itself.
        by_operator: bool,
    },
    /// The connection to the broker is down; it consumes again when that is back.
    Disconnected {
        /// What is wrong with the connection.
        cause: Arc<str>,
    },
    /// It ended by itself, or was interrupted by the broker, and is being started again.
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

impl ConsumerHealth {
    /// One word, as operators see it: `consuming`, `half_open`, `paused`…
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Consuming => "consuming",
            Self::HalfOpen { .. } => "half_open",
            Self::Paused { .. } => "paused",
            Self::Disconnected { .. } => "disconnected",
            Self::Restarting { .. } => "restarting",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }

    /// Why it is not consuming as it should.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::HalfOpen { cause }
            | Self::Paused { cause, .. }
            | Self::Disconnected { cause }
            | Self::Restarting { cause, .. } => Some(cause),
            Self::Starting | Self::Consuming | Self::Draining | Self::Stopped => None,
        }
    }
}

//! Runs one handler on one queue.
//!
//! A delivery goes this way:
//!
//! 1. It arrives in the [`Driver`](super::driver::Driver)'s stream, at most `prefetch` at once, and waits for one of `concurrency` places.
//! 2. Headers that cannot be read, or a body that cannot be decoded, park it at once; past its expiry it is dropped and counted.
//! 3. The handler runs in the [context](crate::context::Context) of the message, guarded against panics and by a time-out;
//!    in [`Mode::Transactional`] inside a transaction in which the inbox claims the message.
//! 4. After success it is acked. After a failure it is tried again in place, then later by way of the delay queues, then
//!    it is parked: [`RetryPolicy`] says how often. Republishing waits for the confirm before the ack.
//!
//! | metric | says |
//! |---|---|
//! | `messaging_process_duration_seconds` | time of one attempt; failed ones carry `error_type` |
//! | `chassis_consumer_deliveries_total` | deliveries by `outcome`: `handled`, `duplicate`, `put_off`, `parked`, `expired`, `returned` |
//! | `chassis_consumer_running` | messages that are being handled |
//!
//! Invariants: nothing is acked before its effect, its copy or its parking is safe; a delivery that was returned because the
//! process ends has not been an attempt; a consumer that ends by itself is started again.

mod attempt;
mod backoff;
mod handle;
mod health;
mod instruments;
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
mod no_database;
mod policy;
mod settle;
mod spec;
mod supervisor;
mod topology;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod transaction;
mod worker;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use crate::data::{Database, Tx};
pub use handle::{ConsumerHandle, Drained, start};
pub use health::ConsumerHealth;
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
pub use no_database::{Database, Tx};
pub use policy::{RetryPolicy, RetrySettings};
pub use spec::{Handler, Mode, Subscription, SubscriptionSpec};

/// How an attempt succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// The handler did its work.
    Handled,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    /// It had done so before, says the inbox.
    Duplicate,
}

#[cfg(test)]
mod tests;

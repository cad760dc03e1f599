//! Runs one handler on one queue.
//!
//! A delivery goes this way:
//!
//! 1. It arrives in the [`Driver`](super::driver::Driver)'s stream, at most `prefetch` at once. By its [`Shape`] it waits for one of
//!    `concurrency` places (`each`), for its key's turn (`lanes`), or for others (`batches`).
//! 2. Headers that cannot be read, or a body that cannot be decoded, park it at once; a type that the handler does not take
//!    sets it aside in `<queue>.unmatched`; past its expiry it is dropped and counted.
//! 3. The handler runs in the [context](crate::context::Context) of the message, guarded against panics and by a time-out;
//!    in [`Mode::Transactional`] inside a transaction in which the inbox claims the message.
//! 4. After success it is acked. After a failure [`RetryPolicy`] decides by the kind of the error and the number of attempts:
//!    again in place, later by way of the delay queues, parked, discarded. Republishing waits for the confirm before the ack.
//! 5. When too many fail in a row the listener itself is taken to be ill (`flow`): it takes one message at a time, then
//!    pauses, and `probe`s with growing pauses. What fails meanwhile goes back without having been an attempt.
//!
//! | metric | says |
//! |---|---|
//! | `messaging_process_duration_seconds` | time of one attempt; failed ones carry `error_type` |
//! | `chassis_consumer_deliveries_total` | deliveries by `outcome`: `handled`, `duplicate`, `put_off`, `parked`, `unmatched`, `discarded`, `expired`, `returned` |
//! | `chassis_consumer_running` | messages that are being handled |
//! | `chassis_consumer_paused` | 1 while it takes no messages |
//! | `chassis_consumer_pauses_total` | how often it has paused |
//! | `chassis_consumer_orphaned_queues` | queues of the service that nobody reads any more |
//!
//! Invariants: nothing is acked before its effect, its copy or its parking is safe; a delivery that was returned because the
//! process ends, or the listener pauses, has not been an attempt; a consumer that ends by itself is started again; an ordered
//! one never begins a delivery while one of its key runs or waits before it.

mod action;
mod attempt;
mod batches;
mod copy;
mod each;
mod flow;
mod handle;
mod handler;
mod health;
mod instruments;
mod lanes;
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
mod no_database;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod orphans;
mod pause;
mod policy;
mod probe;
mod settle;
mod spec;
mod supervisor;
mod topology;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod transaction;
mod worker;

pub use crate::data::{Database, Tx};
pub use action::{FailureAction, FailureActions};
pub use handle::{ConsumerControl, ConsumerHandle, Drained, start};
pub use handler::Handler;
pub use health::ConsumerHealth;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use orphans::{Orphan, OrphanWatch, Orphans, ReadQueue, Rest, RetireError, Retired};
pub use pause::{PausePolicy, PauseSettings};
pub use policy::{RetryPolicy, RetrySettings};
pub use spec::{Mode, Shape, Subscription, SubscriptionSpec};

/// How an attempt succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done {
    /// Messages that the handler did its work for.
    handled: u64,
    /// Messages that it had done its work for before, says the inbox.
    duplicates: u64,
}

#[cfg(test)]
mod tests;

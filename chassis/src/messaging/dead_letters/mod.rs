//! Dead letters: what handlers could not handle, and what an operator does about it.
//!
//! A message that its handler has given up on is parked in `<queue>.dlq`, and one of a type that it is not for in
//! `<queue>.unmatched`, with the cause in its headers. [`DeadLetters`] lists what is there, shows it, sends it back to the queue that it came from (and to no other), or removes it. The management
//! listener offers all that below `/admin/dead-letters`.
//!
//! * A message is sent back first, with a confirmation, and removed then: killed in between, the process leaves a duplicate,
//!   which the [inbox](super::inbox) of the consumer absorbs. Nothing is ever in neither place.
//! * It keeps its id. A parked message was never handled, so the inbox does not know it and lets it pass.
//! * Looks at one queue take turns within a process. What two processes look at in the same moment each may find incomplete.
//!
//! | metric | says |
//! |---|---|
//! | `chassis_dead_letters_depth` | parked messages, by `queue` |
//! | `chassis_dead_letters_oldest_age_seconds` | for how long the first of them is parked |
//! | `chassis_dead_letters_replayed_total`, `chassis_dead_letters_discarded_total` | what operators have done |
//!
//! ```
//! use chassis::messaging::dead_letters::{DeadLetters, Filter};
//! use chassis::messaging::memory;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let driver = memory::Broker::new().driver();
//! let letters = DeadLetters::new(driver, "inventory", ["inventory.order-placed".to_owned()]);
//! let refused = letters.list("orders.stock-reserved", &Filter::default(), 10).await;
//! assert_eq!(refused.unwrap_err().to_string(), "`inventory` has no queue `orders.stock-reserved`");
//! # });
//! ```

mod desk;
mod filter;
mod letter;
mod list;
mod metrics;
mod remove;
mod replay;
mod settings;
mod watch;

pub use desk::{DeadLetterError, DeadLetters};
pub use filter::{Filter, Selection};
pub use letter::{Body, Letter, Opened};
pub use list::{Listing, QueueSummary};
pub use remove::Discarded;
pub use replay::{Replay, Replayed};
pub use settings::DeadLetterSettings;
pub use watch::Watch;

#[cfg(test)]
mod tests;

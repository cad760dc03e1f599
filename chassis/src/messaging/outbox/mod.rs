//! The transactional outbox: a message is stored in the transaction of the change that it tells of, and sent afterwards.
//!
//! [`enqueue`] writes the row. A [`Relay`] sends what is there, in the order in which it was written as far as rows share an
//! ordering key, and deletes what the broker has confirmed. Whatever happens in between, a message is sent at least once,
//! each time under the same id; the [inbox](super::inbox) of the receiver makes one effect of it.
//!
//! The rows are spread over eight partitions by their ordering keys. Each partition is leased by one relay at a time, so
//! that several instances of a service share the work without disturbing the order. Each row that shares its key with
//! others waits for the confirmation of the one before; rows of different keys are sent side by side. A row that fails
//! holds back its own key only, and is parked when it has failed for good several times over.
//!
//! An event that no queue is bound for is kept for `outbox.unroutable_for` and delivered when somebody binds one; only then
//! is it dropped. One whose `outbox.hearers` are not all there yet is kept until they are. A [`Desk`] shows an operator what is parked, puts it back or discards it.
//!
//! | metric | says |
//! |---|---|
//! | `chassis_outbox_depth` | rows waiting, counted up to 100,000 |
//! | `chassis_outbox_oldest_age_seconds` | for how long the oldest has been waiting |
//! | `chassis_outbox_parked` | rows parked |
//! | `chassis_outbox_publish_duration_seconds` | from the row's first sending to its confirmation |
//! | `chassis_outbox_published_total`, `chassis_outbox_expired_total` | rows done with |
//! | `chassis_outbox_unheard` | rows kept since nobody hears their kind yet |
//! | `chassis_outbox_stalled` | routes for which no confirmation comes |
//! | `chassis_outbox_unheard_dropped_total` | rows dropped since nobody hears their kind, by `type` |
//! | `chassis_outbox_parked_forgotten_total` | parked rows deleted after `outbox.keep_parked` |
//! | `chassis_outbox_failures_total` | failed sendings, by `error` |
//! | `chassis_outbox_lease_changes_total` | partitions `acquired`, `lost` and `yielded` |

mod desk;
mod enqueue;
mod hearers;
mod lanes;
mod leases;
mod metrics;
mod partition;
mod relay;
mod row;
mod settings;
mod sql;
mod state;
mod store;
#[cfg(feature = "testing")]
mod unsent;
mod verdict;
mod withheld;
mod worker;

pub use desk::{Desk, OpenedRow, OutboxSummary, ParkedRow, Partition};
pub use enqueue::{Pending, Timing, enqueue, enqueue_with};
pub use partition::{PARTITIONS, partition};
pub use relay::{Relay, RelayHandle};
pub use settings::OutboxSettings;
pub use state::{Awaited, RelayState};
#[cfg(feature = "testing")]
pub(crate) use unsent::unsent;

//! What every transport must do: one named case per promise, run by each driver's own tests.
//!
//! A driver brings a [`Fixture`] and a function that makes one, with a broker (or a virtual host) to itself:
//!
//! ```ignore
//! async fn fixture() -> MyFixture { … }
//! chassis::conformance_suite!(fixture);
//! ```
//!
//! Cases wait for what must happen and never for time to pass. That something does *not* happen is shown by what happens
//! instead, such as another consumer that gets the message.

mod batching;
mod consuming;
mod draining;
mod handling;
mod kit;
mod listening;
mod looking;
mod ordering;
mod publishing;
mod recovering;
mod retiring;
mod settling;
mod stage;

use std::sync::Arc;

use super::driver::Driver;
use crate::BoxFuture;

pub use batching::*;
pub use consuming::*;
pub use draining::*;
pub use handling::*;
pub use listening::*;
pub use looking::*;
pub use ordering::*;
pub use publishing::*;
pub use recovering::*;
pub use retiring::*;
pub use settling::*;

/// A broker to itself, and what a test does to it that no driver can.
pub trait Fixture: Send + Sync {
    /// A new connection to the broker.
    fn connect(&self) -> BoxFuture<'_, Arc<dyn Driver>>;

    /// Breaks every connection, as an operator or a failing network does. They come back by themselves.
    fn cut(&self) -> BoxFuture<'_, ()>;

    /// Has the broker refuse messages to a queue that holds `max` already, as an operator's policy does.
    fn limit_length<'a>(&'a self, queue: &'a str, max: u32) -> BoxFuture<'a, ()>;
}

/// Makes one test of each case of the suite, each with a fixture of its own.
///
/// What follows the function are arguments of `#[tokio::test]`, such as `start_paused = true`.
#[macro_export]
macro_rules! conformance_suite {
    ($fixture:path $(, $($arguments:tt)+)?) => {
        $crate::conformance_suite! { @cases $fixture, ($($($arguments)+)?),
            // publishing
            properties_and_headers_arrive_unchanged
            topic_patterns_decide_who_gets_it
            direct_keys_must_be_equal
            the_default_exchange_routes_to_the_queue_of_that_name
            every_bound_queue_gets_a_copy
            a_queue_bound_twice_gets_one_copy
            unroutable_is_an_error_when_mandatory
            unroutable_is_no_error_otherwise
            an_unknown_exchange_is_refused
            what_is_too_large_is_refused_before_it_is_sent
            a_full_queue_refuses
            declaring_again_changes_nothing
            declaring_otherwise_is_a_mismatch
            // consuming
            order_is_kept
            consumers_of_a_queue_compete
            prefetch_bounds_what_is_out
            a_single_active_consumer_reads_alone
            a_cancelled_consumer_gives_what_it_has_and_ends
            consuming_what_does_not_exist_is_refused
            // settling
            what_is_acked_is_gone
            what_is_returned_comes_back_in_place
            what_failed_comes_back_counted
            what_is_dropped_is_returned
            what_is_rejected_is_dead_lettered
            the_delivery_limit_dead_letters
            what_was_put_off_before_is_dead_lettered_for_its_last_reason
            a_delay_brings_the_message_back_to_its_queue
            a_short_delay_does_not_wait_for_a_long_one
            // recovering
            a_lost_connection_makes_its_deliveries_stale
            consumers_outlive_a_lost_connection
            publishers_outlive_a_lost_connection
            closing_returns_what_is_unsettled
            // looking
            a_look_leaves_everything_in_place
            a_look_ends_where_it_was_told_to
            a_look_removes_what_it_is_told_to
            a_thousand_looks_lose_nothing
            a_look_that_is_dropped_loses_nothing
            looking_at_what_does_not_exist_is_an_error
            // retiring
            an_unbound_queue_gets_no_more
            only_an_empty_queue_that_nobody_reads_is_deleted
            // handling
            a_handler_gets_the_event_and_its_context
            what_a_handler_publishes_names_its_cause
            a_failing_message_is_tried_by_policy_and_parked_once
            a_delayed_attempt_is_counted
            a_panic_is_a_failure
            a_handler_that_takes_too_long_has_failed
            malformed_headers_are_parked_unread
            an_undecodable_body_is_parked_at_once
            what_is_too_large_for_a_copy_is_parked_as_it_is
            an_expired_message_is_dropped
            // draining
            a_drained_consumer_returns_what_has_not_begun
            an_abandoned_delivery_is_returned
            a_drained_ordered_consumer_returns_in_order
            // listening
            another_type_is_set_aside
            a_version_that_another_release_takes_is_left_to_it
            each_kind_of_error_has_its_own_action
            a_failing_listener_pauses_and_goes_on_by_itself
            an_operator_pauses_and_resumes
            // ordering
            order_per_key_outlives_failures
            order_outlives_a_change_of_the_active_replica
            // batching
            batches_are_made_by_size_and_by_time
            a_bad_message_takes_no_neighbours_with_it
        }
    };
    (@cases $fixture:path, $arguments:tt, $($case:ident)+) => {
        $($crate::conformance_suite! { @case $fixture, $arguments, $case })+
    };
    (@case $fixture:path, ($($arguments:tt)*), $case:ident) => {
        #[tokio::test($($arguments)*)]
        async fn $case() {
            let fixture = $fixture().await;
            $crate::messaging::conformance::$case(&fixture).await;
        }
    };
}

//! What must hold in whatever order threads see each other's writes.

macro_rules! models {
    ($($module:ident in $path:path { $($model:ident)+ })+) => {$(
        mod $module {
            use $path as models;

            $(
                #[test]
                fn $model() {
                    // A window alone has a hundred atomics.
                    let mut loom = loom::model::Builder::new();
                    loom.max_branches = 10_000;
                    loom.check(models::$model);
                }
            )+
        }
    )+};
}

models! {
    window in memory_order::resilience::buckets {
        who_begins_a_bucket_anew_forgets_nobody
        who_is_late_counts_into_what_took_his_place
    }
    circuit_breaker in memory_order::resilience::circuit_breaker {
        the_last_of_two_failures_opens_it
        the_last_of_two_failures_of_different_stripes_opens_it
        the_last_of_two_failures_of_different_buckets_opens_it
        of_two_who_come_one_is_the_probe
        what_was_let_in_before_does_not_undo_an_operators_word
        who_passes_after_it_closed_counts
    }
    rate_limit in memory_order::resilience::rate_limit {
        no_turn_is_taken_twice_and_none_is_lost
    }
    retry in memory_order::resilience::retry {
        the_last_retry_is_taken_once
    }
    metrics in memory_order::metrics {
        nothing_that_is_added_at_once_is_lost
        every_value_is_in_its_bucket_and_in_the_sum
    }
}

#[path = "../../../chassis/src/telemetry/metrics/instrument.rs"]
mod instrument;

use loom::thread;

use self::instrument::{Gauge, Histogram};

/// A gauge goes up by one thread and down by another.
pub fn nothing_that_is_added_at_once_is_lost() {
    let gauge = Gauge::default();
    let other = {
        let gauge = gauge.clone();
        thread::spawn(move || {
            gauge.inc();
            gauge.dec();
        })
    };
    gauge.inc();
    other.join().expect("no panic");
    assert_eq!(gauge.get(), 1.0);
}

/// Two values are observed at once.
pub fn every_value_is_in_its_bucket_and_in_the_sum() {
    let histogram = Histogram::new(&[1.0, 2.0]);
    let other = {
        let histogram = histogram.clone();
        thread::spawn(move || histogram.observe(0.5))
    };
    histogram.observe(3.0);
    other.join().expect("no panic");
    assert_eq!((histogram.counts(), histogram.sum()), (vec![1, 0, 1], 3.5));
}

use std::sync::Arc;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicFloat>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: impl Number) {
        self.0.0.store(value.into_f64().to_bits(), Relaxed);
    }

    /// Adds one.
    pub fn inc(&self) {
        self.0.add(1.0);
    }

    /// Takes one away.
    pub fn dec(&self) {
        self.0.add(-1.0);
    }

    /// Adds one until what is returned is dropped: how many of something there are at this moment.
    #[must_use]
    pub fn track(&self) -> Tracked {
        self.inc();
        Tracked(self.clone())
    }

    /// The value now.
    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

/// Counts in its [`Gauge`] as long as it lives.
#[derive(Debug)]
pub struct Tracked(Gauge);

impl Drop for Tracked {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How a value is distributed: counts per bucket, and the sum.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    bounds: &'static [f64],
    /// One more than there are bounds; the last is for what lies beyond them all.
    counts: Box<[AtomicU64]>,
    sum: AtomicFloat,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets { bounds, counts, sum: AtomicFloat::default() }))
    }

    /// Counts one value.
    pub fn observe(&self, value: f64) {
        // A value belongs to the first bucket whose bound is not below it: bounds are inclusive.
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        self.0.counts[bucket].fetch_add(1, Relaxed);
        self.0.sum.add(value);
    }

    /// The upper bounds of the buckets.
    pub fn bounds(&self) -> &'static [f64] {
        self.0.bounds
    }

    /// The count of each bucket, not cumulative; the last is for what lies beyond every bound.
    pub fn counts(&self) -> Vec<u64> {
        self.0.counts.iter().map(|count| count.load(Relaxed)).collect()
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.0.sum.get()
    }
}

/// What a [`Gauge`] can be set to.
pub trait Number {
    /// As the type that is kept.
    fn into_f64(self) -> f64;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn into_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}
number!(f64, f32, i64, i32, u64, u32, u16, usize);

impl Number for bool {
    fn into_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}

/// The bits of an `f64`; the default is zero.
#[derive(Debug, Default)]
struct AtomicFloat(AtomicU64);

impl AtomicFloat {
    fn add(&self, value: f64) {
        let mut bits = self.0.load(Relaxed);
        let sum = |bits| (f64::from_bits(bits) + value).to_bits();
        while let Err(now) = self.0.compare_exchange_weak(bits, sum(bits), Relaxed, Relaxed) {
            bits = now;
        }
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_on_the_bound_is_inside() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.0, 3.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.counts(), [2, 2, 1]);
        assert_eq!(histogram.sum(), 8.0);
    }

    #[test]
    fn tracks_what_is_alive() {
        let gauge = Gauge::default();
        let (one, two) = (gauge.track(), gauge.track());
        assert_eq!(gauge.get(), 2.0);
        drop((one, two));
        assert_eq!(gauge.get(), 0.0);
    }

    proptest! {
        #[test]
        fn every_value_is_counted_once(values in prop::collection::vec(0.0f64..20.0, 0..50)) {
            let histogram = Histogram::new(super::super::SECONDS);
            values.iter().for_each(|value| histogram.observe(*value));
            prop_assert_eq!(histogram.counts().iter().sum::<u64>(), values.len() as u64);
            prop_assert!((histogram.sum() - values.iter().sum::<f64>()).abs() < 1e-6);
        }
    }
}

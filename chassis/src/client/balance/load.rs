//! How long an instance takes to answer, as a moving average that believes bad news at once.
//!
//! The peak-sensitive moving average of Finagle and linkerd: a sample above the average replaces it, one below pulls it
//! down by `1 - e^(-Δt / τ)`, where Δt is the time since the last sample. Without samples it decays likewise, so that an
//! instance that was slow is tried again.

use tokio::time::Duration;

/// How fast what was is forgotten.
const TAU: Duration = Duration::from_secs(10);

/// The average latency of one instance. Times are since a common start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// In seconds.
    average: f64,
    at: Duration,
    /// Whether there has been a sample at all.
    known: bool,
}

impl Load {
    pub(super) fn observe(&mut self, took: Duration, now: Duration) {
        let took = took.as_secs_f64();
        let average = self.decayed(now, took);
        *self = Self { average: took.max(average), at: now.max(self.at), known: true };
    }

    /// The average in seconds, `None` before the first sample.
    pub(super) fn average(&self, now: Duration) -> Option<f64> {
        self.known.then(|| self.decayed(now, 0.0))
    }

    fn decayed(&self, now: Duration, towards: f64) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        let kept = (-passed / TAU.as_secs_f64()).exp();
        self.average * kept + towards * (1.0 - kept)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_peak_is_believed_at_once_and_forgotten_slowly() {
        let mut load = Load::default();
        assert_eq!(load.average(MS(0)), None);
        load.observe(MS(10), MS(0));
        load.observe(MS(500), MS(100));
        assert_eq!(load.average(MS(100)), Some(0.5));
        load.observe(MS(10), MS(200));
        assert!(load.average(MS(200)).is_some_and(|average| average > 0.49));
        let later = load.average(MS(200) + TAU * 7);
        assert!(later.is_some_and(|average| average < 0.001), "{later:?}");
    }

    proptest! {
        #[test]
        fn it_stays_between_zero_and_the_worst_that_was(samples in prop::collection::vec((0..100_000_u64, 0..60_000_u64), 1..50)) {
            let (mut load, mut now, mut worst) = (Load::default(), MS(0), 0.0_f64);
            for (took, passed) in samples {
                now += MS(passed);
                load.observe(MS(took), now);
                worst = worst.max(MS(took).as_secs_f64());
                let average = load.average(now).unwrap_or(-1.0);
                prop_assert!(average >= MS(took).as_secs_f64() * 0.999 && average <= worst + 1e-9);
            }
        }
    }
}

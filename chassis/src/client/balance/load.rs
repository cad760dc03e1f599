//! How long an instance takes to answer, as a moving average that believes bad news at once.
//!
//! The peak-sensitive moving average of Finagle and linkerd: a sample above the average replaces it, one below pulls it
//! down by `1 - e^(-Δt / τ)`, where Δt is the time since the last sample. Without samples it decays likewise, so that an
//! instance that was slow is tried again.
//!
//! But not as fast: who answers shows that a peak has passed, and who is not asked shows nothing. With one τ for both, a pause
//! of a second in the caller would have every instance look slow for half a minute, and one that is slow like the others.

use tokio::time::Duration;

/// How fast a peak is forgotten by an instance that answers.
const ANSWERING: Duration = Duration::from_secs(1);
/// The same of one that is not asked.
const IDLE: Duration = Duration::from_secs(10);

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
        let average = self.decayed(now, took, ANSWERING);
        *self = Self { average: took.max(average), at: now.max(self.at), known: true };
    }

    /// The average in seconds, `None` before the first sample.
    pub(super) fn average(&self, now: Duration) -> Option<f64> {
        self.known.then(|| self.decayed(now, 0.0, IDLE))
    }

    fn decayed(&self, now: Duration, towards: f64, tau: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        let kept = (-passed / tau.as_secs_f64()).exp();
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
        assert!(load.average(MS(200)).is_some_and(|average| average > 0.4));
        let later = load.average(MS(200) + IDLE * 7);
        assert!(later.is_some_and(|average| average < 0.001), "{later:?}");
    }

    #[test]
    fn who_answers_is_forgiven_sooner_than_who_is_not_asked() {
        let (mut asked, mut idle) = (Load::default(), Load::default());
        asked.observe(MS(1000), MS(0));
        idle.observe(MS(1000), MS(0));
        (1..=50).for_each(|n| asked.observe(MS(20), MS(n * 100)));
        assert!(asked.average(MS(5000)).is_some_and(|average| average < 0.03), "{asked:?}");
        assert!(idle.average(MS(5000)).is_some_and(|average| average > 0.5), "{idle:?}");
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

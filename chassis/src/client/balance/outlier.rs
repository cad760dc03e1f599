//! When an instance is left out for a while because it keeps failing.

use tokio::time::Duration;

use super::OutlierSettings;

/// The ejections of one instance. Times are since a common start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outlier {
    /// Failures since the last success.
    failures: u32,
    /// How often in a row it was ejected, which makes the next time longer.
    ejections: u32,
    until: Option<Duration>,
}

impl Outlier {
    pub(super) fn is_ejected(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When it last came back, if it did.
    pub(super) fn back_since(&self, now: Duration) -> Option<Duration> {
        self.until.filter(|until| *until <= now)
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn succeeded(&mut self, now: Duration) {
        self.failures = 0;
        if !self.is_ejected(now) {
            self.ejections = 0;
        }
    }

    /// Counts a failure; says whether it is now one too many.
    pub(super) fn failed(&mut self, settings: &OutlierSettings, now: Duration) -> bool {
        self.failures = self.failures.saturating_add(1);
        settings.consecutive_failures > 0 && self.failures >= settings.consecutive_failures && !self.is_ejected(now)
    }

    /// Leaves it out for the base time, doubled for each time in a row.
    pub(super) fn eject(&mut self, settings: &OutlierSettings, now: Duration) {
        let factor = 1_u32.checked_shl(self.ejections).unwrap_or(u32::MAX);
        let time = settings.ejection_time.saturating_mul(factor).min(settings.longest_ejection);
        *self = Self { failures: 0, ejections: self.ejections.saturating_add(1), until: Some(now + time) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn it_is_left_out_after_failures_in_a_row_and_longer_each_time() {
        let settings =
            OutlierSettings { consecutive_failures: 2, ejection_time: S(5), longest_ejection: S(12), max_ejected: 0.5 };
        let mut outlier = Outlier::default();
        assert!(!outlier.failed(&settings, S(0)));
        outlier.succeeded(S(0));
        assert!(!outlier.failed(&settings, S(0)));
        for (now, back) in [(0, 5), (5, 15), (15, 27), (27, 39)] {
            while !outlier.failed(&settings, S(now)) {}
            outlier.eject(&settings, S(now));
            assert!(outlier.is_ejected(S(back - 1)) && !outlier.is_ejected(S(back)), "ejected at {now}");
            assert_eq!(outlier.back_since(S(back)), Some(S(back)));
        }
        outlier.succeeded(S(40));
        while !outlier.failed(&settings, S(40)) {}
        outlier.eject(&settings, S(40));
        assert!(!outlier.is_ejected(S(45)), "a success made it a new one");
    }

    #[test]
    fn it_can_be_switched_off() {
        let off = OutlierSettings { consecutive_failures: 0, ..OutlierSettings::default() };
        let mut outlier = Outlier::default();
        assert!((0..1000).all(|_| !outlier.failed(&off, S(0))));
    }
}

//! From samples to figures and curves.

use super::load::Sample;
use crate::statistics::quantile;

/// Points of a curve: seconds, and whatever is shown.
pub type Points = Vec<(f64, f64)>;

/// The samples that began from `from` on and before `to`.
pub fn between(samples: &[Sample], from: f64, to: f64) -> Vec<Sample> {
    samples.iter().copied().filter(|sample| (from..to).contains(&sample.at)).collect()
}

/// The 99th percentile of how long calls took, in milliseconds.
pub fn p99(samples: &[Sample]) -> f64 {
    quantile(&samples.iter().map(|sample| sample.took * 1e3).collect::<Vec<_>>(), 0.99)
}

/// How many were not answered as they should be.
pub fn failed(samples: &[Sample]) -> usize {
    samples.iter().filter(|sample| !sample.ok).count()
}

/// The part that was not, in percent; 0 of nothing.
pub fn failed_percent(samples: &[Sample]) -> f64 {
    100.0 * failed(samples) as f64 / samples.len().max(1) as f64
}

/// A figure of each `step` seconds, where calls began in them.
pub fn over_time(samples: &[Sample], step: f64, figure: impl Fn(&[Sample]) -> f64) -> Points {
    let end = samples.last().map_or(0.0, |sample| sample.at);
    let mut points = Points::new();
    for index in 0..=(end / step) as usize {
        let from = index as f64 * step;
        let inside = between(samples, from, from + step);
        // The last step is cut off somewhere.
        if !inside.is_empty() && from + step <= end + 0.1 {
            points.push((from + step / 2.0, figure(&inside)));
        }
    }
    points
}

/// How many moments of `moments` lie in each `step` seconds, per second.
pub fn rate_over_time(moments: &[f64], step: f64, end: f64) -> Points {
    let count = |from: f64| moments.iter().filter(|at| (from..from + step).contains(*at)).count() as f64;
    (0..(end / step) as usize).map(|index| index as f64 * step).map(|at| (at + step / 2.0, count(at) / step)).collect()
}

/// How many of `moments` lie from `from` on and before `to`.
pub fn count_between(moments: &[f64], from: f64, to: f64) -> usize {
    moments.iter().filter(|at| (from..to).contains(*at)).count()
}

/// After how many seconds from `back` on every second has at least `percent` of its calls answered; looked at in steps of a
/// tenth of a second.
pub fn recovered_after(samples: &[Sample], back: f64, end: f64, percent: f64) -> f64 {
    let well = |from: f64| failed_percent(&between(samples, from, from + 1.0)) <= 100.0 - percent;
    let steps = ((end - 1.0 - back) * 10.0).max(0.0) as usize;
    let last_bad = (0..=steps).rev().map(|step| step as f64 / 10.0).find(|after| !well(back + after));
    last_bad.map_or(0.0, |after| after + 0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(calls: impl IntoIterator<Item = (f64, f64, bool)>) -> Vec<Sample> {
        calls.into_iter().map(|(at, took, ok)| Sample { at, took, ok }).collect()
    }

    #[test]
    fn figures_of_each_second() {
        let all = samples((0..300).map(|n| (f64::from(n) / 100.0, 0.02, n / 100 != 1)));
        assert_eq!(over_time(&all, 1.0, failed_percent), [(0.5, 0.0), (1.5, 100.0), (2.5, 0.0)]);
        assert_eq!(over_time(&all, 1.0, p99)[0], (0.5, 20.0));
        let moments: Vec<f64> = all.iter().map(|sample| sample.at).collect();
        assert_eq!(rate_over_time(&moments, 0.5, 3.0).len(), 6);
        assert!(rate_over_time(&moments, 0.5, 3.0).iter().all(|(_, rate)| *rate == 100.0));
    }

    #[test]
    fn recovery_is_the_end_of_the_last_bad_second() {
        // Bad until 3.05, back at 2.
        let all = samples((0..1000).map(|n| (f64::from(n) / 100.0, 0.02, !(100..305).contains(&n))));
        assert!((recovered_after(&all, 2.0, 10.0, 99.0) - 1.1).abs() < 0.11);
        assert_eq!(recovered_after(&all, 5.0, 10.0, 99.0), 0.0);
        let never = samples((0..1000).map(|n| (f64::from(n) / 100.0, 0.02, n < 100)));
        assert!(recovered_after(&never, 2.0, 10.0, 99.0) > 6.9);
    }
}

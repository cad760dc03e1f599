//! Medians, and how sure they are.

/// The median; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The smallest value that at least the part `q` of all does not exceed; 0 of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let sorted = sorted(values);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Between which two values the true median lies with 95 % probability, whatever the distribution: order statistics,
/// as in the sign test. With fewer than six values no such bounds exist, and the extremes are given.
pub fn median_bounds(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    let n = sorted.len();
    if n == 0 {
        return (0.0, 0.0);
    }
    // The largest k for which P(fewer than k of n values lie below the median) is at most 2.5 %.
    let (mut k, mut tail, mut term) = (0, 0.0, 0.5f64.powi(i32::try_from(n).unwrap_or(i32::MAX)));
    while k < n / 2 {
        tail += term;
        if tail > 0.025 {
            break;
        }
        term *= (n - k) as f64 / (k + 1) as f64;
        k += 1;
    }
    let low = k.saturating_sub(1);
    (sorted[low], sorted[n - 1 - low])
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn quantiles() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|q| quantile(&values, q)), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(quantile(&[], 0.99), 0.0);
    }

    #[test]
    fn bounds_are_those_of_the_tables_of_the_sign_test() {
        let values = |n: i32| (1..=n).map(f64::from).collect::<Vec<_>>();
        assert_eq!(median_bounds(&values(20)), (6.0, 15.0));
        assert_eq!(median_bounds(&values(10)), (2.0, 9.0));
        assert_eq!(median_bounds(&values(6)), (1.0, 6.0));
        assert_eq!(median_bounds(&values(5)), (1.0, 5.0));
        assert_eq!(median_bounds(&values(1)), (1.0, 1.0));
    }
}

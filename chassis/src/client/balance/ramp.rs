//! How the share of an instance that has just come grows: caches are cold, pools are empty.

use tokio::time::Duration;

/// The smallest share, so that it gets any calls at all.
const LEAST: f64 = 0.1;

/// The share of an instance that came at `since`: from a tenth to one, over `window`.
pub(super) fn share(since: Option<Duration>, window: Duration, now: Duration) -> f64 {
    match since {
        Some(since) if !window.is_zero() => {
            (now.saturating_sub(since).as_secs_f64() / window.as_secs_f64()).clamp(LEAST, 1.0)
        }
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_one() {
        let s = Duration::from_secs;
        let shares = [0, 1, 5, 10, 99].map(|now| share(Some(s(0)), s(10), s(now)));
        assert_eq!(shares, [0.1, 0.1, 0.5, 1.0, 1.0]);
        assert_eq!((share(None, s(10), s(0)), share(Some(s(0)), s(0), s(0))), (1.0, 1.0));
    }
}

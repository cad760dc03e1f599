//! Which traces are recorded: a share of those that begin here, and whatever a parent has decided for the others.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::context::TraceId;

/// Traces whose lower 63 bits lie below are recorded, so that every process with the same ratio picks the same ones.
static THRESHOLD: AtomicU64 = AtomicU64::new(0);

const ALL: u64 = 1 << 63;

/// Sets the share of new traces that are recorded, from 0 (none) to 1 (all). It can be changed at any time.
pub fn set_ratio(ratio: f64) {
    THRESHOLD.store((ratio.clamp(0.0, 1.0) * ALL as f64) as u64, Relaxed);
}

/// The share of new traces that are recorded.
pub fn ratio() -> f64 {
    THRESHOLD.load(Relaxed) as f64 / ALL as f64
}

/// Whether a trace that begins here under this id is recorded.
pub fn decide(trace: TraceId) -> bool {
    (trace.0 as u64) >> 1 < THRESHOLD.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_decides_the_same_for_the_same_trace() {
        let _turn = crate::telemetry::TURN.blocking_lock();
        let ids = [TraceId(1), TraceId(u128::from(u64::MAX)), TraceId(u128::from(u64::MAX / 4))];
        for (ratio, expected) in [(0.0, [false, false, false]), (0.5, [true, false, true]), (1.0, [true, true, true])] {
            set_ratio(ratio);
            assert_eq!(ids.map(decide), expected, "{ratio}");
        }
    }
}

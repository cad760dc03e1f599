//! The processor time of the same call made in two ways.

use rustix::time::{ClockId, clock_gettime};

use crate::measure::Measured;

/// As many calls are made in one way before it is the other's turn: whatever slows the machine down for a moment then slows
/// both, and their difference stays.
const TURN: u32 = 100;

/// Makes so many calls of either way in each round, in turns whose order is shuffled, by the calling thread. `call` is told
/// which of `subjects` to measure.
pub async fn pair(
    row: &'static str,
    subjects: [&'static str; 2],
    rounds: usize,
    calls: u32,
    call: impl AsyncFn(usize) -> Result<(), String>,
) -> Result<Vec<Measured>, String> {
    let mut values = [Vec::new(), Vec::new()];
    // The first round warms up.
    let turns = calls.div_ceil(TURN);
    for round in 0..=rounds {
        let mut spent = [0.0; 2];
        for _ in 0..turns {
            let first = fastrand::usize(0..2);
            for which in [first, 1 - first] {
                let before = used();
                for _ in 0..TURN {
                    call(which).await?;
                }
                spent[which] += used() - before;
            }
        }
        if round > 0 {
            for (values, spent) in values.iter_mut().zip(spent) {
                values.push(spent / f64::from(turns * TURN));
            }
        }
    }
    let rows = subjects.into_iter().zip(values);
    Ok(rows.map(|(subject, values)| Measured { row, subject, threads: 1, unit: "µs CPU", values }).collect())
}

/// Processor time of the calling thread, in microseconds.
fn used() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

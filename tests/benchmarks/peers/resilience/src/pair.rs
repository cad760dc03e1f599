//! The processor time of the same call made in two ways.

use rustix::time::{ClockId, clock_gettime};

use crate::measure::Measured;

/// Makes so many calls of either way in each round, in a new order, by the calling thread. `call` is told which of `subjects` to
/// measure.
pub async fn pair(
    row: &'static str,
    subjects: [&'static str; 2],
    rounds: usize,
    calls: u32,
    call: impl AsyncFn(usize) -> Result<(), String>,
) -> Result<Vec<Measured>, String> {
    let mut values = [Vec::new(), Vec::new()];
    // The first round warms up.
    for round in 0..=rounds {
        let first = fastrand::usize(0..2);
        for which in [first, 1 - first] {
            let before = used();
            for _ in 0..calls {
                call(which).await?;
            }
            let value = (used() - before) / f64::from(calls);
            if round > 0 {
                values[which].push(value);
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

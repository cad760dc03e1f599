//! The processor time of the same call made in several ways.

use futures_util::stream::{FuturesUnordered, TryStreamExt};
use rustix::time::{ClockId, clock_gettime};

use crate::measure::Measured;

/// As many calls are made in one way before it is the other's turn: whatever slows the machine down for a moment then slows
/// all, and their differences stay.
const TURN: u32 = 320;

/// Makes so many calls in each way in each round, in turns whose order is shuffled, by the calling thread, of which `at_once`
/// are on their way at a time. `call` is told which of `subjects` to measure.
pub async fn pair<const N: usize>(
    row: &'static str,
    subjects: [&'static str; N],
    rounds: usize,
    calls: u32,
    at_once: u32,
    call: impl AsyncFn(usize) -> Result<(), String>,
) -> Result<Vec<Measured>, String> {
    let mut values = [const { Vec::new() }; N];
    let mut order: [usize; N] = std::array::from_fn(|at| at);
    // The first round warms up.
    let turns = calls.div_ceil(TURN);
    for round in 0..=rounds {
        let mut spent = [0.0; N];
        for _ in 0..turns {
            fastrand::shuffle(&mut order);
            for which in order {
                let before = used();
                let callers = (0..at_once).map(async |_| {
                    for _ in 0..TURN / at_once {
                        call(which).await?;
                    }
                    Ok::<_, String>(())
                });
                callers.collect::<FuturesUnordered<_>>().try_collect::<()>().await?;
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

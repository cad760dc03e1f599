//! An open loop: calls begin when their time has come, whether earlier ones have ended or not.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it began, in seconds since the scenario did.
    pub at: f64,
    /// How long it took, in seconds.
    pub took: f64,
    /// Whether it was answered as it should be.
    pub ok: bool,
}

/// So many calls a second from one moment to another, in seconds since the scenario began.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub from: f64,
    pub to: f64,
    pub rate: f64,
}

/// Calls at fixed rates; comes back when all have ended. `call` says whether it was answered as it should be.
pub async fn offer<C, F>(start: Instant, stretches: &[Stretch], call: C) -> Vec<Sample>
where
    C: Fn(u64) -> F,
    F: Future<Output = bool> + Send + 'static,
{
    let (mut calls, mut number) = (JoinSet::new(), 0);
    for stretch in stretches {
        let (mut count, mut at) = (0.0, stretch.from);
        while at < stretch.to {
            tokio::time::sleep_until(start + Duration::from_secs_f64(at)).await;
            let work = call(number);
            calls.spawn(async move {
                let began = Instant::now();
                let ok = work.await;
                Sample { at: (began - start).as_secs_f64(), took: began.elapsed().as_secs_f64(), ok }
            });
            number += 1;
            count += 1.0;
            at = stretch.from + count / stretch.rate;
        }
    }
    let mut samples = calls.join_all().await;
    samples.sort_by(|one, other| one.at.total_cmp(&other.at));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_earlier_calls() {
        let stretches = [Stretch { from: 0.0, to: 1.0, rate: 10.0 }, Stretch { from: 1.0, to: 2.0, rate: 100.0 }];
        let samples = offer(Instant::now(), &stretches, async |number| {
            tokio::time::sleep(Duration::from_secs(5)).await;
            number % 2 == 0
        });
        let samples = samples.await;
        assert_eq!(samples.len(), 110);
        assert_eq!(samples.iter().filter(|sample| sample.ok).count(), 55);
        assert!(samples.iter().all(|sample| (4.99..5.01).contains(&sample.took)));
        assert_eq!(samples.iter().filter(|sample| sample.at < 0.999).count(), 10);
    }
}

//! `one-of-four-failing` and `one-of-four-slow`: a replica that is not as the others are.

use std::time::Duration;

use tokio::time::Instant;

use super::caller::{NO_POLICIES, ONE_AFTER_THE_OTHER, caller};
use super::depot::{DepotClient, Dials};
use super::figures::{between, failed_percent, over_time, p99};
use super::host::Host;
use super::load::{Sample, Stretch, offer};
use super::plot::{Curve, Plot};
use super::{Measured, Pace};
use crate::report::Row;

/// Calls a second of each caller.
const RATE: f64 = 150.0;
const DELAY: Duration = Duration::from_millis(20);

/// When one of them is not well, and when it ends, in seconds.
const BAD: f64 = 6.0;
const GOOD: f64 = 22.0;
const END: f64 = 28.0;

/// One replica answers at once that it cannot.
pub async fn failing(pace: Pace) -> Result<Measured, String> {
    let Samples { with, without, .. } = run(pace, |replica, bad| replica.fail(bad)).await?;
    let Pace(pace) = pace;
    let late = |samples: &[Sample]| failed_percent(&between(samples, (BAD + 5.0) * pace, GOOD * pace));
    let row = Row::new("one-of-four-failing", "% failed", late(&with), late(&without)).at_most(0.5, late(&with)).note(
        format!(
            "from 5 s on; from the first moment on {:.2} %",
            failed_percent(&between(&with, BAD * pace, GOOD * pace))
        ),
    );
    let plot = Plot {
        name: "one-of-four-failing",
        title: "One replica of four fails at once",
        axis: "calls that failed, %",
        logarithmic: false,
        at_least: 30.0,
        shaded: vec![(BAD * pace..GOOD * pace, "one of four answers 503 at once")],
        curves: vec![
            Curve::new("with the defaults", over_time(&with, 0.5 * pace, failed_percent)),
            Curve::new("round robin, no retries, nobody left out", over_time(&without, 0.5 * pace, failed_percent)),
        ],
    };
    Ok(Measured { rows: vec![row], plots: vec![plot] })
}

/// One replica takes twenty times as long.
pub async fn slow(pace: Pace) -> Result<Measured, String> {
    let Samples { with, without, normal } =
        run(pace, |replica, bad| replica.delay(DELAY * if bad { 20 } else { 1 })).await?;
    let Pace(pace) = pace;
    let bad = |samples: &[Sample]| p99(&between(samples, BAD * pace, GOOD * pace));
    let ratio = |samples: &[Sample]| bad(samples) / bad(&normal);
    let row = Row::new("one-of-four-slow", "× normal p99", ratio(&with), ratio(&without))
        .at_most(1.5, ratio(&with))
        .note(format!("{:.0} ms, {:.0} where none gets slow", bad(&with), bad(&normal)));
    let plot = Plot {
        name: "one-of-four-slow",
        title: "One replica of four gets slow",
        axis: "99th percentile, ms",
        logarithmic: true,
        at_least: 1000.0,
        shaded: vec![(BAD * pace..GOOD * pace, "one of four takes 400 ms instead of 20")],
        curves: vec![
            Curve::new("with the defaults", over_time(&with, pace, p99)),
            Curve::new("round robin", over_time(&without, pace, p99)),
            Curve::bound("four that stay well", over_time(&normal, pace, p99)),
        ],
    };
    Ok(Measured { rows: vec![row], plots: vec![plot] })
}

struct Samples {
    with: Vec<Sample>,
    without: Vec<Sample>,
    /// Of a caller whose replicas all stay well.
    normal: Vec<Sample>,
}

/// Calls of a caller with the defaults and of one without policies, while `turn` has the first replica bad and good again.
async fn run(Pace(pace): Pace, turn: impl Fn(&Dials, bool)) -> Result<Samples, String> {
    let dials: [Dials; 8] = std::array::from_fn(|_| Dials::new(1000, DELAY));
    let mut hosts = Vec::new();
    for dials in &dials {
        let dials = dials.clone();
        hosts.push(Host::start(move || dials.app(""), "depot").await?);
    }
    let addresses: Vec<String> = hosts.iter().map(|host| host.address().to_string()).collect();
    let [four, others] = [&addresses[..4], &addresses[4..]].map(|four| format!("endpoints = {four:?}\n"));
    let (_with, with) = caller(&four).await?;
    let (_without, without) = caller(&format!("{four}{ONE_AFTER_THE_OTHER}{NO_POLICIES}")).await?;
    let (_normal, normal) = caller(&others).await?;
    let start = Instant::now();
    let calls = |client: DepotClient| {
        let stretch = Stretch { from: 0.0, to: END * pace, rate: RATE };
        async move {
            let call = |id| {
                let client = client.clone();
                async move { client.item(id).await.is_ok() }
            };
            offer(start, &[stretch], call).await
        }
    };
    let happens = async {
        for (at, bad) in [(BAD, true), (GOOD, false)] {
            tokio::time::sleep_until(start + Duration::from_secs_f64(at * pace)).await;
            turn(&dials[0], bad);
        }
    };
    let (with, without, normal, ()) = tokio::join!(calls(with), calls(without), calls(normal), happens);
    for host in hosts {
        host.kill().await;
    }
    Ok(Samples { with, without, normal })
}

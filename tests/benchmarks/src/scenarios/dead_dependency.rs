//! `dead-dependency`: how much more a dependency is called while it is dead, and how soon it is called as before.

use std::sync::Arc;
use std::time::Duration;

use harness::ports::Port;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::caller::caller;
use super::depot::Dials;
use super::figures::{Points, count_between, failed_percent, over_time, rate_over_time, recovered_after};
use super::host::Host;
use super::load::{Sample, Stretch, offer};
use super::plot::{Curve, Plot};
use super::{Measured, Pace};
use crate::report::Row;

const RATE: f64 = 100.0;
/// Twice as many as come.
const PLACES: usize = 4;
const NORMAL: Duration = Duration::from_millis(20);
/// What a call takes while caches are cold.
const COLD: Duration = Duration::from_millis(80);

/// When it dies, when it comes back, and when it is as before, in seconds.
const DEAD: f64 = 10.0;
const BACK: f64 = 22.0;
const WARM: f64 = 27.0;
const END: f64 = 36.0;

/// What the budget allows: a part of the calls, and so many a second besides; over how many seconds.
const RATIO: f64 = 0.2;
const FLOOR: f64 = 10.0;
const WINDOW: f64 = 10.0;

const NO_BREAKER: &str = "breaker.mode = 'disabled'\n";
const NEITHER: &str = "breaker.mode = 'disabled'\nretry.budget.ratio = 1000.0\n";
const NO_LIMIT: &str = "http.limit.enabled = false";

/// What one caller saw, and what arrived.
struct Seen {
    samples: Vec<Sample>,
    attempts: Vec<f64>,
    /// Those attempts that were not the first of their call.
    retries: Vec<f64>,
}

pub async fn run(Pace(pace): Pace) -> Result<Measured, String> {
    let start = Instant::now() + Duration::from_millis(500);
    let (defaults, budget, neither) = tokio::join!(
        watch(start, pace, "", ""),
        watch(start, pace, NO_BREAKER, ""),
        watch(start, pace, NEITHER, NO_LIMIT)
    );
    let (defaults, budget, neither) = (defaults?, budget?, neither?);

    let bound = (100.0 * (RATIO + FLOOR / RATE)).round();
    let extra = |seen: &Seen| extra_over_time(seen, pace).into_iter().map(|point| point.1).fold(0.0, f64::max);
    let recovered = |seen: &Seen| recovered_after(&seen.samples, BACK * pace, END * pace, 99.0);
    let unit = "% more attempts";
    let rows = vec![
        Row::new("dead-dependency", unit, extra(&defaults), extra(&neither))
            .at_most(bound, extra(&defaults))
            .note("in any 10 s, with the defaults; without budget and breaker".into()),
        Row::new("dead-dependency-budget", unit, extra(&budget), extra(&neither))
            .at_most(bound, extra(&budget))
            .note("the same with a budget, but without a breaker".into()),
        Row::new("dead-dependency-back", "s", recovered(&defaults), recovered(&neither))
            .at_most(10.0, recovered(&defaults))
            .note("after it is back, until 99 % of the calls of every second succeed".into()),
    ];
    let shaded = vec![(DEAD * pace..BACK * pace, "dead"), (BACK * pace..WARM * pace, "back, but cold")];
    let names = ["with the defaults", "budget, no breaker", "neither, and no limit"];
    let seen = [&defaults, &budget, &neither];
    let curves = |points: &dyn Fn(&Seen) -> Points| -> Vec<Curve> {
        names.into_iter().zip(seen).map(|(name, seen)| Curve::new(name, points(seen))).collect()
    };
    let mut extras = curves(&|seen| extra_over_time(seen, pace));
    extras.push(Curve::bound("the budget", vec![(WINDOW, bound), (END * pace, bound)]));
    let plots = vec![
        Plot {
            name: "dead-dependency-attempts",
            title: "A dependency dies and comes back: what arrives there",
            axis: "attempts/s",
            logarithmic: false,
            at_least: RATE * 3.0,
            shaded: shaded.clone(),
            curves: curves(&|seen| rate_over_time(&seen.attempts, pace, END * pace)),
        },
        Plot {
            name: "dead-dependency-extra",
            title: "A dependency dies and comes back: attempts after the first",
            axis: "% of the calls of the last 10 s",
            logarithmic: false,
            at_least: 100.0,
            shaded: shaded.clone(),
            curves: extras,
        },
        Plot {
            name: "dead-dependency",
            title: "A dependency dies and comes back: calls that succeed",
            axis: "calls that succeed, %",
            logarithmic: false,
            at_least: 100.0,
            shaded,
            curves: curves(&|seen| over_time(&seen.samples, pace, |inside| 100.0 - failed_percent(inside))),
        },
    ];
    Ok(Measured { rows, plots })
}

/// In which steps windows are looked at, in seconds.
const STEP: f64 = 0.1;

/// How many attempts there were beyond one for each call, over every window of the budget's length, in percent of its calls.
/// Those are counted to within a step: the caller's own windows end at any moment.
fn extra_over_time(seen: &Seen, pace: f64) -> Points {
    let calls: Vec<f64> = seen.samples.iter().map(|sample| sample.at).collect();
    let ends = (0..=((END * pace - WINDOW) / STEP).max(0.0) as usize).map(|step| WINDOW + step as f64 * STEP);
    let extra = |end: f64| {
        let retries = count_between(&seen.retries, end - WINDOW, end);
        (end, 100.0 * retries as f64 / count_between(&calls, end - WINDOW - STEP, end).max(1) as f64)
    };
    ends.map(extra).collect()
}

/// Calls a dependency of its own through its death and its return.
async fn watch(start: Instant, pace: f64, client: &str, depot: &'static str) -> Result<Seen, String> {
    let port = Arc::new(Port::free());
    let dials = Dials::new(PLACES, NORMAL);
    let begin = || {
        let dials = dials.clone();
        Host::start_at(&port, move || dials.app(depot), "depot")
    };
    let host = begin().await?;
    let (_caller, client) = caller(&format!("endpoints = [\"{}\"]\n{client}", host.address())).await?;
    let at = |second: f64| tokio::time::sleep_until(start + Duration::from_secs_f64(second * pace));
    let happens = async {
        at(DEAD).await;
        host.kill().await;
        let grave = Grave::open(&port, dials.clone()).await?;
        at(BACK).await;
        grave.close().await;
        dials.delay(COLD);
        let host = begin().await?;
        at(WARM).await;
        dials.delay(NORMAL);
        Ok::<_, String>(host)
    };
    let stretches = [Stretch { from: 0.0, to: END * pace, rate: RATE }];
    let calls = offer(start, &stretches, |id| {
        let client = client.clone();
        async move { client.item(id).await.is_ok() }
    });
    let (samples, host) = tokio::join!(calls, happens);
    host?.kill().await;
    let arrivals = dials.arrivals(start);
    let retries = arrivals.iter().filter(|arrival| arrival.1).map(|arrival| arrival.0).collect();
    Ok(Seen { samples, attempts: arrivals.into_iter().map(|arrival| arrival.0).collect(), retries })
}

/// What is left at the address of one that is dead: hangs up on everybody, and counts them.
struct Grave(JoinHandle<()>);

impl Grave {
    async fn open(port: &Port, dials: Dials) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", port.number())).await.map_err(|error| error.to_string())?;
        Ok(Self(tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let dials = dials.clone();
                tokio::spawn(async move {
                    let mut head = [0; 1024];
                    let read = stream.read(&mut head).await.unwrap_or_default();
                    // A connection that nobody sends anything over is no attempt.
                    if let Some(id) = called(&String::from_utf8_lossy(&head[..read])) {
                        dials.arrived(id);
                    }
                });
            }
        })))
    }

    async fn close(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

/// Which item is asked for: `GET /v1/items/7 HTTP/1.1`.
fn called(head: &str) -> Option<u64> {
    head.split_whitespace().nth(1)?.rsplit('/').next()?.parse().ok()
}

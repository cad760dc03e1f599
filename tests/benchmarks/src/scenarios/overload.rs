//! `overload`: three times as many come as can be answered.

use std::time::Duration;

use tokio::time::Instant;

use super::caller::{Users, caller};
use super::depot::Dials;
use super::figures::{Points, between, failed, over_time};
use super::host::Host;
use super::load::{Sample, Stretch, offer};
use super::plot::{Curve, Plot};
use super::{Measured, Pace};
use crate::report::Row;

const PLACES: usize = 16;
const DELAY: Duration = Duration::from_millis(160);
/// Answers a second.
const CAPACITY: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(1);

/// When too many come, and when it ends, in seconds.
const MANY: f64 = 6.0;
const FEW: f64 = 22.0;
const END: f64 = 28.0;

const NO_LIMIT: &str = "http.limit.enabled = false";

pub async fn run(Pace(pace): Pace) -> Result<Measured, String> {
    let dials: [Dials; 3] = std::array::from_fn(|_| Dials::new(PLACES, DELAY));
    let mut hosts = Vec::new();
    for (dials, settings) in dials.iter().zip(["", NO_LIMIT, ""]) {
        let dials = dials.clone();
        hosts.push(Host::start(move || dials.app(settings), "depot").await?);
    }
    let (_caller, client) = caller(&format!("endpoints = [\"{}\"]\n", hosts[2].address())).await?;
    let users = |host: &Host| Users::new(format!("http://{}", host.address()), PATIENCE);
    let (limited, unlimited) = (users(&hosts[0]), users(&hosts[1]));

    let start = Instant::now();
    let half = |from: f64, to: f64| Stretch { from: from * pace, to: to * pace, rate: CAPACITY / 2.0 };
    let many = Stretch { from: MANY * pace, to: FEW * pace, rate: CAPACITY * 3.0 };
    let stretches = [half(0.0, MANY), many, half(FEW, END)];
    let item = |id: u64| format!("/v1/items/{id}");
    let (with, without, guarded) = tokio::join!(
        offer(start, &stretches, |id| limited.clone().get(item(id))),
        offer(start, &stretches, |id| unlimited.clone().get(item(id))),
        offer(start, &stretches, |id| {
            let client = client.clone();
            async move { matches!(tokio::time::timeout(PATIENCE, client.item(id)).await, Ok(Ok(_))) }
        }),
    );
    for host in hosts {
        host.kill().await;
    }

    let goodput = |samples: &[Sample]| {
        let inside = between(samples, MANY * pace, FEW * pace);
        100.0 * (inside.len() - failed(&inside)) as f64 / (CAPACITY * (FEW - MANY) * pace)
    };
    let (ours, theirs, calls) = (goodput(&with), goodput(&without), goodput(&guarded));
    let unit = "% of capacity";
    let rows = vec![
        Row::new("overload", unit, ours, theirs)
            .at_least(90.0, ours)
            .note("answered in time, users over bare HTTP".into()),
        Row::new("overload-unlimited", unit, theirs, theirs)
            .at_most(50.0, theirs)
            .note("the same without limits".into()),
        Row::new("overload-client", unit, calls, theirs)
            .at_least(90.0, calls)
            .note("answered in time, through one client of the library".into()),
    ];
    let answered = |samples: &[Sample]| -> Points {
        over_time(samples, 0.5 * pace, |inside| (inside.len() - failed(inside)) as f64 / (0.5 * pace))
    };
    let plot = Plot {
        name: "overload",
        title: "Three times as many as can be answered",
        axis: "answered in time, calls/s",
        logarithmic: false,
        at_least: CAPACITY * 1.2,
        shaded: vec![(MANY * pace..FEW * pace, "300 calls a second; 100 can be answered")],
        curves: vec![
            Curve::new("with the defaults", answered(&with)),
            Curve::new("without limits", answered(&without)),
            Curve::new("one client, with the defaults", answered(&guarded)),
            Curve::bound("capacity", vec![(0.0, CAPACITY), (END * pace, CAPACITY)]),
        ],
    };
    Ok(Measured { rows, plots: vec![plot] })
}

//! `rolling-restart`: every replica is replaced while calls go on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::ports::Port;
use tokio::time::{Instant, sleep};

use super::caller::{NO_POLICIES, ONE_AFTER_THE_OTHER, caller};
use super::depot::Dials;
use super::figures::{failed, over_time};
use super::host::Host;
use super::load::{Sample, Stretch, offer};
use super::plot::{Curve, Plot};
use super::{Measured, Pace};
use crate::report::Row;

const RATE: f64 = 100.0;
/// Long, so that there is always something under way.
const DELAY: Duration = Duration::from_millis(100);
/// The file is looked at every second.
const DRAIN: &str = "lifecycle.drain_delay = '2s'";

/// When the first one goes, and after how long the next one, in seconds.
const FIRST: f64 = 3.0;
const EACH: f64 = 6.0;
const END: f64 = 30.0;

/// How replicas end, and how their callers learn of it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    /// They leave the file of instances, and are drained. One call of four may not be repeated.
    File,
    /// They are drained; the callers have a fixed list and find out by themselves. All calls may be repeated.
    List,
    /// They are killed; the callers have a fixed list and no policies.
    Killed,
}

pub async fn run(Pace(pace): Pace) -> Result<Measured, String> {
    let start = Instant::now() + Duration::from_secs(1);
    let (file, list, killed) =
        tokio::join!(watch(start, pace, How::File), watch(start, pace, How::List), watch(start, pace, How::Killed));
    let (file, list, killed) = (file?, list?, killed?);
    let lost = |samples: &[Sample]| failed(samples) as f64;
    let of = |samples: &[Sample], what: &str| format!("of {}; {what}", samples.len());
    let rows = vec![
        Row::new("rolling-restart", "failed calls", lost(&file), lost(&killed))
            .at_most(0.0, lost(&file))
            .note(of(&file, "instances by a file, a quarter of the calls may not be repeated")),
        Row::new("rolling-restart-list", "failed calls", lost(&list), lost(&killed))
            .at_most(0.0, lost(&list))
            .note(of(&list, "instances by a fixed list")),
    ];
    let failures = |samples: &[Sample]| over_time(samples, 0.5 * pace, |inside| failed(inside) as f64 / (0.5 * pace));
    let each = |index: u32| {
        let from = (FIRST + f64::from(index) * EACH) * pace;
        (from..from + EACH * 0.6 * pace, ["first", "second", "third", "fourth"][index as usize])
    };
    let plot = Plot {
        name: "rolling-restart",
        title: "Four replicas are restarted one after the other",
        axis: "calls that failed, calls/s",
        logarithmic: false,
        at_least: RATE / 4.0,
        shaded: (0..4).map(each).collect(),
        curves: vec![
            Curve::new("drained, instances by a file", failures(&file)),
            Curve::new("killed, no policies", failures(&killed)),
            Curve::new("drained, instances by a list", failures(&list)),
        ],
    };
    Ok(Measured { rows, plots: vec![plot] })
}

/// Calls four replicas of its own while each is restarted.
async fn watch(start: Instant, pace: f64, how: How) -> Result<Vec<Sample>, String> {
    let dials = Dials::new(1000, DELAY);
    let ports: [Port; 4] = std::array::from_fn(|_| Port::free());
    let begin = |port| {
        let dials = dials.clone();
        Host::start_at(port, move || dials.app(DRAIN), "depot")
    };
    let mut hosts = Vec::new();
    for port in &ports {
        hosts.push(begin(port).await?);
    }
    let addresses: Vec<String> = hosts.iter().map(|host| host.address().to_string()).collect();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("endpoints.json");
    write(&file, &addresses)?;
    let (_caller, client) = caller(&match how {
        How::File => format!("endpoints_file = {file:?}\n"),
        How::List => format!("endpoints = {addresses:?}\n"),
        How::Killed => format!("endpoints = {addresses:?}\n{ONE_AFTER_THE_OTHER}{NO_POLICIES}"),
    })
    .await?;

    let happens = async {
        let mut again = Vec::new();
        for (index, host) in hosts.into_iter().enumerate() {
            let at = (FIRST + index as f64 * EACH) * pace;
            tokio::time::sleep_until(start + Duration::from_secs_f64(at)).await;
            let others = || addresses.iter().filter(|address| **address != addresses[index]);
            write(&file, others())?;
            if how == How::Killed {
                host.kill().await;
                sleep(Duration::from_secs_f64(pace)).await;
            } else {
                host.drain().await;
            }
            again.push(begin(&ports[index]).await?);
            write(&file, &addresses)?;
        }
        Ok::<_, String>(again)
    };
    let stretches = [Stretch { from: 0.0, to: END * pace, rate: RATE }];
    let calls = offer(start, &stretches, |id| {
        let client = client.clone();
        async move {
            if how == How::File && id % 4 == 0 { client.add(id).await.is_ok() } else { client.item(id).await.is_ok() }
        }
    });
    let (samples, happened) = tokio::join!(calls, happens);
    for host in happened? {
        host.kill().await;
    }
    Ok(samples)
}

/// Writes the file of instances in one step.
fn write<'a>(file: &Path, addresses: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let text = serde_json::to_string(&addresses.into_iter().collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    let next = file.with_extension("next");
    fs::write(&next, text)
        .and_then(|()| fs::rename(&next, file))
        .map_err(|error| format!("the file of instances: {error}"))
}

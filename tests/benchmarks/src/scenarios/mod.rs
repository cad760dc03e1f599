//! What becomes of calls when something goes wrong: programs with a claim and a plot each.
//!
//! Services of the library call each other over sockets, with the clients and the listeners that every service has. What a
//! service can do is made by places and a delay, so that it waits rather than works: load and services do not fight for the
//! processor. Users come at fixed rates, whether they were answered or not. Beside what the library does by itself runs, at
//! the same time, the same without it.

mod arguments;
mod caller;
mod dead_dependency;
mod depot;
mod figures;
mod host;
mod load;
mod one_of_four;
mod overload;
mod page;
mod plot;
mod rolling_restart;
mod slow_dependency;

pub use arguments::Arguments;

use std::pin::Pin;

use plot::Plot;

use crate::http::build::root;
use crate::progress::{done, say};
use crate::report::{self, Row};

/// A scenario: what it is, and what runs it.
struct Scenario {
    name: &'static str,
    what: &'static str,
    run: fn(Pace) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Result<Measured, String>>>>;

/// How long a second of a scenario is: one, unless it is only to be seen whether it runs.
#[derive(Debug, Clone, Copy)]
struct Pace(f64);

/// What a scenario comes to.
#[derive(Debug)]
struct Measured {
    rows: Vec<Row>,
    plots: Vec<Plot>,
}

/// The same with its name.
#[derive(Debug)]
struct Told {
    name: &'static str,
    what: &'static str,
    rows: Vec<Row>,
    plots: Vec<Plot>,
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "slow-dependency",
        what: "A service has one pool of places (connections to its database, say) for all its routes. One route calls a \
               dependency that gets slow and so holds its places for long; another one needs places too, and nothing else.",
        run: |pace| Box::pin(slow_dependency::run(pace)),
    },
    Scenario {
        name: "dead-dependency",
        what: "A dependency dies, and comes back cold: for some seconds it can do a quarter of what it could before.",
        run: |pace| Box::pin(dead_dependency::run(pace)),
    },
    Scenario {
        name: "overload",
        what: "Three times as many come as a service can answer, and each of them waits for a second.",
        run: |pace| Box::pin(overload::run(pace)),
    },
    Scenario {
        name: "one-of-four-failing",
        what: "One replica of four answers at once that it cannot.",
        run: |pace| Box::pin(one_of_four::failing(pace)),
    },
    Scenario {
        name: "one-of-four-slow",
        what: "One replica of four takes twenty times as long as before.",
        run: |pace| Box::pin(one_of_four::slow(pace)),
    },
    Scenario {
        name: "rolling-restart",
        what: "Four replicas are restarted one after the other under load.",
        run: |pace| Box::pin(rolling_restart::run(pace)),
    },
];

/// Runs them and writes the report; it fails unless every claim is met.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let mut all = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| arguments.wants(scenario.name)) {
        say(&format!("running {}", scenario.name));
        // Each has a runtime of its own, so that nothing of an earlier one goes on.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let Measured { rows, plots } = runtime.block_on((scenario.run)(Pace(1.0)))?;
        all.push(Told { name: scenario.name, what: scenario.what, rows, plots });
    }
    done();
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let root = root();
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target))
            .join("scenarios")
    });
    page::write(&folder, &all)?;
    let rows: Vec<Row> = all.into_iter().flat_map(|told| told.rows).collect();
    report::print(&rows);
    println!("\n{}", folder.join("index.html").display());
    if let Some(file) = &arguments.json {
        report::write_json(&rows, file)?;
    }
    let missed: Vec<&str> = rows.iter().filter(|row| row.met == Some(false)).map(|row| row.name).collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("not met: {}", missed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it runs and says something; what it says means nothing at this pace.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_scenario_runs() {
        let Measured { rows, plots } = one_of_four::failing(Pace(0.05)).await.expect("it runs");
        assert!(rows.iter().all(|row| row.ours.is_finite() && row.met.is_some()), "{rows:?}");
        assert!(plots.iter().all(|plot| plot.curves.iter().all(|curve| !curve.points.is_empty())), "{plots:?}");
    }
}

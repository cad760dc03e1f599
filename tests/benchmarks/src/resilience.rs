//! What the policies cost per call: nanoseconds, with one thread and with two on the same object, beside failsafe,
//! recloser, tower-resilience, governor and tower's own in the same run.
//!
//! The measuring program stands in the workspace of the peers. In every round each subject is measured once, in a new
//! order; a value is the mean of 100,000 calls.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use crate::http::build;
use crate::progress::{done, say};
use crate::report::{self, Row};
use crate::statistics::{median, median_bounds};

/// What the policies cost per call, beside what else there is.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How often each subject is measured.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Writes the rows to a file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// All values of one subject, as the measuring program prints them.
#[derive(Debug, Deserialize)]
struct Measured {
    row: String,
    subject: String,
    threads: usize,
    unit: String,
    values: Vec<f64>,
}

/// A row of the table of goals: which subject it compares with, and the goal.
struct Goal {
    name: &'static str,
    row: &'static str,
    threads: usize,
    reference: &'static str,
    most: f64,
}

const fn goal(name: &'static str, row: &'static str, threads: usize, reference: &'static str, most: f64) -> Goal {
    Goal { name, row, threads, reference, most }
}

const GOALS: [Goal; 6] = [
    goal("breaker-state", "breaker-state", 1, "failsafe, default", 30.0),
    goal("breaker-state-2", "breaker-state", 2, "recloser", 60.0),
    goal("breaker-layer", "breaker-layer", 1, "tower-resilience, count window", 90.0),
    goal("breaker-layer-2", "breaker-layer", 2, "tower-resilience, count window", 130.0),
    goal("incoming-stack", "incoming-stack", 1, "axum", 1.0),
    goal("outgoing-stack", "outgoing-stack", 1, "hyper-util", 1.5),
];

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let program = build::dist(&build::peers(), "resilience")?;
    say("measuring");
    let output = Command::new(program)
        .arg(arguments.rounds.to_string())
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run the measuring program: {error}"))?;
    done();
    if !output.status.success() {
        return Err("the measuring program failed".to_owned());
    }
    let measured: Vec<Measured> =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("what was measured cannot be read: {error}"))?;
    table(&measured);
    let rows = GOALS.iter().map(|goal| row(goal, &measured)).collect::<Result<Vec<_>, _>>()?;
    report::print(&rows);
    arguments.json.as_deref().map_or(Ok(()), |file| report::write_json(&rows, file))
}

/// Every subject, one thread and two.
fn table(measured: &[Measured]) {
    println!("{:<20} {:<32} {:>10} {:>12}", "row", "subject", "one", "two threads");
    for one in measured.iter().filter(|one| one.threads == 1) {
        let same = |other: &&Measured| other.threads == 2 && other.row == one.row && other.subject == one.subject;
        let two = measured.iter().find(same).map(|two| format!("{:.1}", median(&two.values)));
        let (two, unit) = (two.unwrap_or_default(), &one.unit);
        println!("{:<20} {:<32} {:>10.1} {two:>12} {unit}", one.row, one.subject, median(&one.values));
    }
    println!();
}

fn row(goal: &Goal, measured: &[Measured]) -> Result<Row, String> {
    let find = |subject: &str| {
        let wanted = |one: &&Measured| one.row == goal.row && one.threads == goal.threads && one.subject == subject;
        measured.iter().find(wanted).ok_or_else(|| format!("`{}` was not measured for {subject}", goal.row))
    };
    let (ours, reference) = (find("chassis")?, find(goal.reference)?);
    let is_stack = goal.row.ends_with("-stack");
    let unit = if is_stack { "µs CPU" } else { "ns" };
    let row = Row::new(goal.name, unit, median(&ours.values), median(&reference.values));
    // A stack is judged by what it adds in the same round, the others by what they cost.
    if !is_stack {
        let note = format!("reference: {}", goal.reference);
        return Ok(row.at_most(goal.most, median(&ours.values)).note(note));
    }
    let added: Vec<f64> = ours.values.iter().zip(&reference.values).map(|(with, without)| with - without).collect();
    let (low, high) = median_bounds(&added);
    let note = format!("adds {:.2}, 95 %: {low:.2} to {high:.2}", median(&added));
    Ok(row.at_most(goal.most, high).note(note))
}

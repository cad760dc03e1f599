//! Measuring every program in every round.

use std::collections::BTreeMap;

use serde_json::Value;

use super::arguments::Arguments;
use super::programs::{Program, Programs};
use super::relay::Backlogs;
use super::sample::{self, Task, number};
use crate::progress::say;

/// The windows in which messages are published.
pub const WINDOWS: [(&str, u64); 2] = [("publish-1000", 1_000), ("publish-100", 100)];
/// Consumed with that prefetch.
pub const CONSUME: (&str, u64) = ("consume-100", 100);
/// At that rate, for that many messages.
const LATENCY: (&str, u64, u64) = ("latency-p50", 1_000, 4_000);

/// One program, one row, one round.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Messages a second; microseconds where the row is of latency.
    pub value: f64,
    /// Processor time of the program per message, in microseconds; the 99th percentile where the row is of latency.
    pub beside: f64,
}

/// By row and program, in the order of the rounds.
pub type Measured = BTreeMap<(&'static str, &'static str), Vec<Sample>>;

/// Runs the rounds.
pub async fn run(programs: &Programs, uri: &str, arguments: &Arguments) -> Result<Measured, String> {
    let mut measured = Measured::new();
    let backlogs = Backlogs::start(arguments).await;
    for round in 1..=arguments.rounds {
        let mut order = programs.all();
        fastrand::shuffle(&mut order);
        for program in order {
            throughput(programs, program, uri, arguments, round, &mut measured).await?;
        }
        if arguments.wants(LATENCY.0) {
            let mut order = [&programs.chassis, &programs.lapin];
            fastrand::shuffle(&mut order);
            for program in order {
                let sample = latency(programs, program, uri).await?;
                note(round, LATENCY.0, program, sample, &mut measured);
            }
        }
        for (row, url) in backlogs.databases().await {
            let sample = relay(programs, uri, &url, arguments.messages).await?;
            note(round, row, &programs.chassis, sample, &mut measured);
        }
    }
    Ok(measured)
}

fn note(round: u32, row: &'static str, program: &Program, sample: Sample, measured: &mut Measured) {
    let Sample { value, beside } = sample;
    say(&format!("round {round}: {row:<15} {:<8} {value:9.0}  {beside:7.1} µs", program.name));
    measured.entry((row, program.name)).or_default().push(sample);
}

/// Publishes in every window, and consumes what was published last.
async fn throughput(
    programs: &Programs,
    program: &Program,
    uri: &str,
    arguments: &Arguments,
    round: u32,
    measured: &mut Measured,
) -> Result<(), String> {
    let messages = arguments.messages;
    let (consumes, mut published) = (arguments.wants(CONSUME.0), false);
    for (row, window) in WINDOWS {
        let last = consumes && row == WINDOWS[1].0;
        // The relay is compared to what is published without an outbox.
        let compared = row == WINDOWS[0].0 && program.name == programs.chassis.name && arguments.wants_relay();
        let wanted = arguments.wants(row) || compared;
        if !wanted && !last {
            continue;
        }
        prepare(programs, uri).await?;
        let task = Task { window, ..Task::new("publish", uri, messages) };
        let sample = throughput_of(&sample::run(program, &task).await?)?;
        // The program sends a window full before it begins to measure.
        must_hold(programs, uri, messages + window, program).await?;
        if wanted {
            note(round, row, program, sample, measured);
        }
        published = true;
    }
    if consumes && published {
        let task = Task { window: CONSUME.1, ..Task::new("consume", uri, messages + WINDOWS[1].1) };
        let sample = throughput_of(&sample::run(program, &task).await?)?;
        must_hold(programs, uri, 0, program).await?;
        note(round, CONSUME.0, program, sample, measured);
    }
    Ok(())
}

async fn latency(programs: &Programs, program: &Program, uri: &str) -> Result<Sample, String> {
    prepare(programs, uri).await?;
    let task = Task { rate: LATENCY.1, ..Task::new("latency", uri, LATENCY.2) };
    let told: Value = sample::run(program, &task).await?;
    must_hold(programs, uri, 0, program).await?;
    Ok(Sample { value: number(&told, "p50")?, beside: number(&told, "p99")? })
}

async fn relay(programs: &Programs, uri: &str, url: &str, messages: u64) -> Result<Sample, String> {
    prepare(programs, uri).await?;
    let task = |name| Task { database: Some(url), ..Task::new(name, uri, messages) };
    sample::finish(&programs.chassis, &task("preload")).await?;
    let sample = throughput_of(&sample::run(&programs.chassis, &task("relay")).await?)?;
    must_hold(programs, uri, messages, &programs.chassis).await?;
    Ok(sample)
}

async fn prepare(programs: &Programs, uri: &str) -> Result<(), String> {
    sample::finish(&programs.lapin, &Task::new("prepare", uri, 0)).await
}

fn throughput_of(told: &Value) -> Result<Sample, String> {
    let messages = number(told, "messages")?;
    Ok(Sample { value: messages / number(told, "seconds")?, beside: number(told, "cpu")? * 1e6 / messages })
}

/// What is in the queue is what the program said, and nothing was parked.
async fn must_hold(programs: &Programs, uri: &str, messages: u64, program: &Program) -> Result<(), String> {
    let told: Value = sample::run(&programs.lapin, &Task::new("count", uri, 0)).await?;
    let (waiting, parked) = (number(&told, "waiting")?, number(&told, "parked")?);
    if waiting == messages as f64 && parked == 0.0 {
        return Ok(());
    }
    Err(format!(
        "after {} the queue has {waiting} messages instead of {messages}, and {parked} are parked",
        program.name
    ))
}

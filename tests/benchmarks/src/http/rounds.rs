//! Measuring every subject in every round.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::arguments::Arguments;
use super::build::Subjects;
use super::load::Load;
use super::sink::Sink;
use super::subject::Variant;
use crate::progress::{done, say};

const WARM_UP: Duration = Duration::from_millis(700);

pub const BARE: &str = "bare axum";
pub const OURS_1: &str = "chassis, 1 %";
pub const OURS_100: &str = "chassis, 100 %";
pub const HAND_WIRED_1: &str = "hand-wired, 1 %";
pub const HAND_WIRED_100: &str = "hand-wired, 100 %";

/// One subject in one round.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Processor time per request in µs.
    pub cost: f64,
    /// Requests per second, for orientation.
    pub rate: f64,
    /// MB in use after the load.
    pub memory: f64,
    /// Milliseconds from exec to the first 200.
    pub first_answer: f64,
}

/// The samples of each variant, in the order of the rounds.
pub type Measured = BTreeMap<&'static str, Vec<Sample>>;

/// Runs the rounds.
pub fn run(subjects: &Subjects, arguments: &Arguments) -> Result<Measured, String> {
    let sink = Sink::start()?;
    let variants = variants(subjects);
    let mut measured = Measured::new();
    for round in 1..=arguments.rounds {
        let mut order: Vec<&Variant> = variants.iter().collect();
        fastrand::shuffle(&mut order);
        for variant in order {
            let before = sink.bytes();
            let sample = measure(variant, &sink, arguments.seconds)?;
            if variant.sampling.is_some() && sink.bytes() == before {
                return Err(format!("{} exported nothing: its telemetry is not on", variant.name));
            }
            let Sample { cost, rate, memory, first_answer } = sample;
            say(&format!(
                "round {round}/{}: {:<18} {cost:6.2} µs/request  {rate:7.0} requests/s  {memory:5.1} MB  {first_answer:5.1} ms",
                arguments.rounds, variant.name
            ));
            measured.entry(variant.name).or_default().push(sample);
        }
    }
    done();
    Ok(measured)
}

fn variants(subjects: &Subjects) -> Vec<Variant> {
    let variant = |name, program: &std::path::Path, sampling| Variant { name, program: program.to_owned(), sampling };
    let mut all = vec![
        variant(BARE, &subjects.bare, None),
        variant(OURS_1, &subjects.chassis, Some(0.01)),
        variant(OURS_100, &subjects.chassis, Some(1.0)),
    ];
    if let Some(hand_wired) = &subjects.hand_wired {
        all.push(variant(HAND_WIRED_1, hand_wired, Some(0.01)));
        all.push(variant(HAND_WIRED_100, hand_wired, Some(1.0)));
    }
    all
}

fn measure(variant: &Variant, sink: &Sink, seconds: f64) -> Result<Sample, String> {
    let told = |error: String| format!("{}: {error}", variant.name);
    let subject = variant.start(sink.address)?;
    let load = Load::start(subject.address());
    std::thread::sleep(WARM_UP);
    let (began, time, requests) = (Instant::now(), subject.processor_time()?, load.answered());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let requests = load.answered() - requests;
    let (time, elapsed) = (subject.processor_time()?.saturating_sub(time), began.elapsed());
    let memory = subject.resident_memory()?;
    load.stop().map_err(told)?;
    if requests == 0 {
        return Err(told("no request was answered".to_owned()));
    }
    Ok(Sample {
        cost: time.as_secs_f64() * 1e6 / requests as f64,
        rate: requests as f64 / elapsed.as_secs_f64(),
        memory,
        first_answer: subject.first_answer.as_secs_f64() * 1e3,
    })
}

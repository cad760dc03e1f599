//! Measures the library's policies beside what else there is, in rounds whose order is shuffled, and prints what it
//! measured as JSON: a list of `{row, subject, threads, unit, values}`. Run by `benchmarks resilience`.

mod breakers;
mod incoming;
mod limits;
mod measure;
mod outgoing;
mod retries;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20);
    // For a profile of one stack alone.
    let only = arguments.next();
    let mut measured = Vec::new();
    if only.is_none() {
        let mut subjects = breakers::subjects();
        subjects.extend(retries::subjects());
        subjects.extend(limits::subjects());
        measured = measure::all(&subjects, rounds);
    }
    let stacks: [(&str, Stack); 2] = [("incoming-stack", incoming::measure), ("outgoing-stack", outgoing::measure)];
    for (_, stack) in stacks.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name)) {
        match stack(rounds) {
            Ok(rows) => measured.extend(rows),
            Err(error) => {
                eprintln!("resilience: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    match serde_json::to_string(&measured) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// Measures what a stack adds in so many rounds.
type Stack = fn(usize) -> Result<Vec<measure::Measured>, String>;

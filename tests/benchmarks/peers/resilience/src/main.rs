//! Measures the library's policies beside what else there is, in rounds whose order is shuffled, and prints what it
//! measured as JSON: a list of `{row, subject, threads, unit, values}`. Run by `benchmarks resilience`; for a profiler
//! `resilience 20 chassis`, `resilience 20 hyper-util` and `resilience 20 incoming` make so many rounds of calls in one way only;
//! `resilience 20 outgoing` prints its two rows alone, and `resilience 20 breaker-` the rows whose names begin so.

mod breakers;
mod incoming;
mod limits;
mod measure;
mod outgoing;
mod pair;
mod retries;

use std::process::ExitCode;

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut subjects = breakers::subjects();
    subjects.extend(retries::subjects());
    subjects.extend(limits::subjects());
    if let Some(way) = std::env::args().nth(2) {
        subjects.retain(|subject| subject.row.starts_with(&way));
        if !subjects.is_empty() {
            return print(&measure::all(&subjects, rounds));
        }
        let made = match &*way {
            "incoming" => incoming::measure(rounds).map(|_| Vec::new()),
            "outgoing" => outgoing::measure(rounds),
            _ => outgoing::call(rounds, &way).map(|()| Vec::new()),
        };
        return match made {
            Ok(measured) if measured.is_empty() => ExitCode::SUCCESS,
            Ok(measured) => print(&measured),
            Err(error) => {
                eprintln!("resilience: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let mut measured = measure::all(&subjects, rounds);
    for stack in [incoming::measure, outgoing::measure] {
        match stack(rounds) {
            Ok(rows) => measured.extend(rows),
            Err(error) => {
                eprintln!("resilience: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    print(&measured)
}

fn print(measured: &[measure::Measured]) -> ExitCode {
    match serde_json::to_string(measured) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

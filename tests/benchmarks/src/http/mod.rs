//! What one service adds to a request, to memory and to the start, over bare axum.
//!
//! The server runs on core 0 with one worker, its exporter's threads included; the load (64 connections) and the
//! collector that it exports to are on core 1. In every round each subject is started anew and measured once, in a new
//! order. What counts is the processor time that the kernel accounts to the server's process, divided by the requests
//! answered meanwhile: requests per second depend too much on what else the machine does.

mod arguments;
pub mod build;
mod clean_build;
mod instructions;
mod load;
mod pin;
mod rounds;
mod rows;
mod sink;
mod subject;

pub use arguments::Arguments;

use crate::report::{self, Row};

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    pin::need_two_cores()?;
    let mut all: Vec<Row> = Vec::new();
    let wanted = |names: &[&str]| names.iter().any(|name| arguments.wants(name));
    if wanted(&rows::MEASURED_IN_ROUNDS) || arguments.instructions {
        let subjects = build::subjects(arguments.hand_wired)?;
        if wanted(&rows::MEASURED_IN_ROUNDS) {
            let measured = rounds::run(&subjects, arguments)?;
            all.extend(rows::of(&measured));
        }
        if arguments.instructions {
            all.extend(instructions::rows(&subjects)?);
        }
    }
    if wanted(&["hello-build"]) {
        all.push(clean_build::row()?);
    }
    all.retain(|row| arguments.wants(row.name));
    report::print(&all);
    arguments.json.as_deref().map_or(Ok(()), |file| report::write_json(&all, file))
}

//! Every benchmark of the project is a subcommand of this program.
//!
//! ```text
//! cargo run --release -p benchmarks -- http
//! cargo run --release -p benchmarks -- http --rounds 40 --json rows.json
//! cargo run --release -p benchmarks -- messaging
//! cargo run --release -p benchmarks -- soak --minutes 60
//! cargo run --release -p benchmarks -- resilience
//! cargo run --release -p benchmarks -- scenarios --only overload
//! ```

#![allow(
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a program without a runtime of its own, measured by the clock"
)]

mod http;
mod messaging;
mod progress;
mod report;
mod resilience;
mod scenarios;
mod soak;
mod statistics;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the library against what people use today.
#[derive(Parser)]
#[command(name = "benchmarks")]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// What one service adds to a request, to memory and to the start, over bare axum.
    Http(http::Arguments),
    /// Messages a second over one RabbitMQ, beside lapin, amqplib (Node) and pika (Python).
    Messaging(messaging::Arguments),
    /// What becomes of messages while broker and service die, for as long as one likes.
    Soak(soak::Arguments),
    /// What the policies cost per call, beside what else there is.
    Resilience(resilience::Arguments),
    /// What becomes of calls when something goes wrong, with a plot for each scenario.
    Scenarios(scenarios::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().benchmark {
        Benchmark::Http(arguments) => http::run(&arguments),
        Benchmark::Messaging(arguments) => messaging::run(&arguments),
        Benchmark::Soak(arguments) => soak::run(&arguments),
        Benchmark::Resilience(arguments) => resilience::run(&arguments),
        Benchmark::Scenarios(arguments) => scenarios::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmarks: {error}");
            ExitCode::FAILURE
        }
    }
}

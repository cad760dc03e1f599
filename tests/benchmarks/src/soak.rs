//! `benchmarks soak`: messages flow while the broker is restarted and the service killed, for as long as one likes.
//!
//! It is the counting run of `tests/messaging`, which the tests do once with fifty faults.

use std::time::Duration;

use clap::Args;
use messaging_tests::counting::{Plan, run as count};

use crate::http::build::{cargo, root};
use crate::progress::say;

/// Counts what becomes of messages while the broker is restarted and the service killed, for as long as one likes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// For how many minutes messages flow.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    minutes: u32,
    /// How often a minute the broker is restarted, and how often the service is killed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    faults: u32,
    /// Decides when what happens; the report says which it was.
    #[arg(long)]
    seed: Option<u64>,
    /// Takes this program as the service under test, such as `target/debug/ledger`, instead of building it.
    #[arg(long, value_name = "FILE")]
    ledger: Option<String>,
}

/// Prints the counters; it fails unless they are as they were promised.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let ledger = arguments.ledger.clone().map_or_else(build, Ok)?;
    let faults = arguments.faults.saturating_mul(arguments.minutes).max(2);
    let plan = Plan {
        seed: arguments.seed.unwrap_or_else(|| fastrand::u64(..)),
        messages: 0,
        lasting: Duration::from_secs(u64::from(arguments.minutes) * 60),
        broker_restarts: faults,
        service_kills: faults,
        say,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("no runtime: {error}"))?;
    let report = runtime.block_on(count(&plan, &ledger));
    crate::progress::done();
    println!("{report}");
    let faults = report.faults();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// Builds the service under test.
fn build() -> Result<String, String> {
    say("building the service under test with the profile release");
    let root = root();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    cargo(&root, &["build", "--quiet", "--release", "--package", "messaging-tests", "--bin", "ledger"], &target)?;
    Ok(target.join("release/ledger").display().to_string())
}

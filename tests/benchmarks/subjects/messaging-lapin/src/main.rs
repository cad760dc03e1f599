//! lapin, used as well as it can be: one thread beside lapin's own, publishes that do not wait for each other, confirms that
//! are waited for in their order (so that one wake-up serves many), acknowledgements that stand for half of the prefetch.
//!
//! What it sends and takes are events as docs/wire.md has them, as the library's are. It also prepares the queue and fills it for
//! the other programs.

#![allow(clippy::disallowed_methods, unreachable_pub, reason = "a program that is measured by the clock")]

mod consume;
mod latency;
mod message;
mod plan;
mod prepare;
mod publish;

use std::process::ExitCode;

use plan::Plan;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let plan = Plan::read()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match plan.task.as_str() {
            "prepare" => prepare::run(&plan).await,
            "publish" => publish::run(&plan).await,
            "consume" => consume::run(&plan).await,
            "latency" => latency::run(&plan).await,
            "count" => prepare::count(&plan).await,
            other => Err(format!("BENCH_TASK is `{other}`").into()),
        }
    })
}

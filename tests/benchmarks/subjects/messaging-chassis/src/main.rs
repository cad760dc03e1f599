//! The library as its messaging is measured.
//!
//! It publishes by [`Publisher::publish_now`], with every header that docs/wire.md names; it consumes as a service, through
//! `#[subscribe(at_least_once)]` and all that stands behind it; and its relay empties an outbox.

#![allow(clippy::disallowed_methods, unreachable_pub, reason = "a program that is measured by the clock")]

mod consume;
mod latency;
mod message;
mod plan;
mod publish;
mod relay;

use chassis::prelude::*;
use plan::Plan;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let plan = Plan::read()?;
    match plan.task.as_str() {
        "consume" => return Ok(consume::run(plan)),
        "latency" => return Ok(latency::run(plan)),
        _ => {}
    }
    // As the library runs services; TOKIO_WORKER_THREADS says on how many threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let task = plan.task.clone();
        match task.as_str() {
            "publish" => publish::run(plan).await?,
            "preload" => relay::preload(&plan).await?,
            "relay" => relay::run(&plan).await?,
            other => return Err(Error::msg(format!("BENCH_TASK is `{other}`"))),
        }
        Ok(ExitCode::SUCCESS)
    })
}

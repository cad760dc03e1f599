//! Messages a second over one RabbitMQ of the benchmark's own, beside what people use today.
//!
//! Every program sends and takes the same events: 256 bytes of JSON, persistent, with the properties and headers of
//! docs/wire.md and an id of their own, by way of one quorum queue that is new for each sample. Ours is used as a service
//! uses it: `publish_now`, and `#[subscribe(at_least_once)]`. lapin, amqplib and pika are written for speed alone. In every
//! round each program is measured once, in a new order; what counts is the median of the ratios within the rounds, as
//! messages a second depend on what else the machine does. After every sample the queue is counted: what a program says that it
//! sent must be there, and what it says that it took must be gone.

mod arguments;
mod programs;
mod relay;
mod rounds;
mod rows;
mod sample;

pub use arguments::Arguments;

use harness::rabbitmq::Broker;

use crate::progress::{done, say};
use crate::report;

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let programs = programs::prepare()?;
    let rows = runtime.block_on(async {
        say("starting RabbitMQ");
        let broker = Broker::start().await;
        let measured = rounds::run(&programs, &broker.uri(), arguments).await?;
        done();
        Ok::<_, String>(rows::of(&measured))
    })?;
    let rows: Vec<_> = rows.into_iter().filter(|row| arguments.wants(row.name)).collect();
    report::print(&rows);
    arguments.json.as_deref().map_or(Ok(()), |file| report::write_json(&rows, file))
}
